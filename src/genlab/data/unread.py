"""Files that are not learnt from: those that cannot be read, and those that genlab made."""

from __future__ import annotations

from collections.abc import Sequence

from genlab.core.words import plural
from genlab.data.options import Request
from genlab.data.overview import LeftOut

MADE_BY = "genlab"  # what genlab writes into its own pictures, clips and recordings, as the software that made them
MOST = 0.1  # of the files may be unreadable
NAMED, SHOWN = 5, 3  # reasons in a message, names beside each


def check(request: Request, what: str, read: int, skipped: Sequence[tuple[str, str]], own: Sequence[str]) -> None:
    """ValueError where too few files could be read.

    what      one of them is called: "picture"
    read      how many could be
    skipped   (name, reason) of those that could not
    own       names of those that genlab made
    """
    bad = len(skipped)
    total = read + bad
    if not total:
        raise ValueError(
            f"genlab made all {plural(len(own), what)} of {request.name}, and does not learn from its own samples; "
            "to do so all the same, let it write them as .npz and name that file"
        )
    if not read:
        raise ValueError(f"none of the {plural(total, what)} of {request.name} can be read ({reasons(skipped)})")
    if bad > MOST * total and not request.options.allow_bad:
        raise ValueError(
            f"{bad} of the {plural(total, what)} of {request.name} cannot be read, more than a tenth; "
            f"mend or remove them, or go on without them (--allow-bad): {reasons(skipped)}"
        )


def left_out(what: str, skipped: Sequence[tuple[str, str]], own: Sequence[str]) -> tuple[LeftOut, ...]:
    """What is said of them. The arguments are those of `check`."""
    unread = LeftOut.of([f"{name}: {reason}" for name, reason in skipped], what, "cannot be read")
    return (*unread, *LeftOut.of(own, what, "made by genlab"))


def reasons(skipped: Sequence[tuple[str, str]]) -> str:
    """The reasons, each once, with the first files that it holds for."""
    names: dict[str, list[str]] = {}
    for name, reason in skipped:
        names.setdefault(reason, []).append(name)
    parts = []
    for reason, each in list(names.items())[:NAMED]:
        more = f" and {len(each) - SHOWN:,} more" if len(each) > SHOWN else ""
        parts.append(f"{', '.join(each[:SHOWN])}{more}: {reason}")
    return "; ".join(parts)
