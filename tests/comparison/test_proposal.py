"""What a comparison says before it begins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from genlab.comparison.options import CompareOptions
from genlab.comparison.proposal import SECONDS, plan, rounded, seconds_for
from genlab.core.kinds import KINDS
from genlab.core.space import Space
from tests.report.fakes import DIGITS, POINTS, TEXT, distance, record, row

EMOJI = Space((3, 32, 32), "CHW", "ordinal", 256)
FOUR = ["vae", "pixelcnn", "gan", "ddpm"]


def test_every_kind_of_data_has_a_budget() -> None:
    assert SECONDS.keys() == {kind.name for kind in KINDS}
    assert [seconds_for(space) for space in (POINTS, DIGITS, EMOJI, TEXT)] == [20, 30, 90, 60]


def test_the_plan_says_how_long_all_of_it_takes() -> None:
    options = CompareOptions("emoji", amount=90.0)
    said = plan(options, EMOJI, FOUR, None)
    assert said.startswith("vae, pixelcnn, gan and ddpm: 4 models × 90 s, about ")
    minutes = float(said.rpartition("about ")[2].split()[0])
    assert 4 * 90 / 60 < minutes < 2 * 4 * 90 / 60, "more than training, less than as much again"
    assert said.endswith(" min with measuring")
    assert "4 models × 2 seeds × 90 s" in plan(replace(options, seeds=2), EMOJI, FOUR, None)
    counted = plan(replace(options, unit="examples", amount=30_000), EMOJI, FOUR, None)
    assert counted == "vae, pixelcnn, gan and ddpm: 4 models × 30,000 examples"


def test_what_is_there_is_not_planned_again() -> None:
    there = record([row("vae", None, distance(1.0)), row("gan", None, {})])
    said = plan(CompareOptions("digits", amount=30.0), DIGITS, ["vae", "gan"], there)
    assert said.startswith("gan: 1 model × 30 s, at most about")
    more = plan(CompareOptions("digits", amount=330.0, more=300.0), DIGITS, ["vae", "gan"], there)
    assert more.startswith("gan: 1 model × 5 min more, about")


@pytest.mark.parametrize(("seconds", "said"), [(47, 45), (171, 180), (470, 480), (2, 5)])
def test_a_guess_is_no_more_exact_than_it_is(seconds: float, said: float) -> None:
    assert rounded(seconds) == said
