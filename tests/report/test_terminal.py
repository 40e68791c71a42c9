"""The table of a comparison on a terminal."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from rich.console import Console

from genlab.comparison.rows import Row
from genlab.report.terminal import short
from tests.report.fakes import bits, distance, row


def printed(rows: Sequence[Row]) -> dict[str, list[str]]:
    """The cells of each model."""
    console = Console(file=io.StringIO(), width=160, highlight=False)
    console.print(short(rows, 160))
    lines = console.file.getvalue().splitlines()  # pyright: ignore[reportAttributeAccessIssue]
    return {line.split()[0]: line.split()[1:] for line in lines if line.split()[0] in {row.name for row in rows}}


def test_a_likelihood_that_is_not_finite_is_said_to_be() -> None:
    cells = printed(
        [row("vae", bits(math.nan), distance(9.3)), row("ddpm", bits(2.05), distance(2.3)), row("gan", None, distance(5.0))]
    )
    assert cells["vae"][:2] == ["not", "finite"]
    assert cells["ddpm"][:2] == ["≤", "2.05"]
    assert cells["gan"][0] == "none"


def test_a_seed_that_failed_does_not_hide_the_others() -> None:
    failed = row("vae", seed=0, error="out of memory", parameters=None)
    cells = printed([failed, row("vae", bits(2.4), distance(9.3), seed=1), row("gan", None, distance(5.0))])
    assert cells["vae"][:2] == ["≤", "2.40"]
    assert cells["vae"][-1] == "212,345"
