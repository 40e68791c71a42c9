"""What was read of a source, said before anything is learnt from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from genlab.core.words import plural, word_list

NAMED, LONGEST = 3, 200  # names of what was left out, on one line, and characters of each
LISTED = 12  # classes on one line


@dataclass(frozen=True)
class LeftOut:
    """Files, rows or columns that are not learnt from, for one reason.

    what     one of them is called: "file"
    reason   "written by genlab"
    names    the first of them
    """

    count: int
    what: str
    reason: str
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Sequence[str], what: str, reason: str) -> tuple[LeftOut, ...]:
        """One entry for these names; none where there are none."""
        return (cls(len(names), what, reason, tuple(name[:LONGEST] for name in names[:NAMED])),) if names else ()

    def line(self) -> str:
        more = ", ..." if self.count > len(self.names) else ""
        named = f" ({', '.join(self.names)}{more})" if self.names else ""
        return f"{plural(self.count, self.what)}{named}: {self.reason}"


@dataclass(frozen=True)
class Overview:
    """What was read of a source, and how.

    what          what was read, where that is not the examples themselves: "3,000 recordings", of which these are windows
    piece         what one example is called, where it is cut from what was read: "window"
    found         what the source holds beside the examples' number: "of 12 sizes, 16 × 16 to 640 × 480"
    made          how examples are made of it, and why: "cut to squares and resized, since their sizes differ"
    classes_from  where the classes come from: "the top folders"; or why there are none
    texts_from    where captions come from; "" where there are none
    splits_from   where the splits come from: "by content", "the folders train and test"
    added         what comes with each example, or was changed of it, on the user's word
    left_out      what is not learnt from, by reason
    odd           what looks odd, with what may be done about it
    columns       of a table, by name
    label_column  of a table, by name; "" where it has none
    licence       of data that come with the package
    counts        examples of each split
    classes       examples of each class in all splits, by its name
    unlabelled    examples without a class
    """

    what: str = ""
    piece: str = ""
    found: str = ""
    made: str = ""
    classes_from: str = ""
    texts_from: str = ""
    splits_from: str = "by content"
    added: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    odd: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    label_column: str = ""
    licence: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    classes: Mapping[str, int] = field(default_factory=dict)
    unlabelled: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values: lists for tuples."""
        left = [{**asdict(each), "names": list(each.names)} for each in self.left_out]
        lists = {"added": list(self.added), "odd": list(self.odd), "columns": list(self.columns), "left_out": left}
        return asdict(self) | lists

    def lines(self, example: str, described: str) -> Iterator[tuple[str, str]]:
        """(what about, in words), in the order they are read in.

        example     what one is called: "picture"
        described   the space of the examples in words
        """
        columns = f"with the columns {', '.join(self.columns)}" if self.columns else ""
        total = plural(sum(self.counts.values()), self.piece or example)
        yield "read", " ".join(filter(None, [self.what or total, self.found, columns]))
        yield "learnt as", "; ".join(filter(None, [f"{total}, {described}" if self.what else described, self.made]))
        if self.classes or self.classes_from:
            yield "classes", self._classes()
        if self.texts_from:
            yield "captions", self.texts_from
        yield "splits", f"{', '.join(f'{number:,} {split}' for split, number in self.counts.items())}: {self.splits_from}"
        yield from (("with each", each) for each in self.added)
        yield from (("left out", each.line()) for each in self.left_out)
        yield from (("odd", each) for each in self.odd)
        if self.licence:
            yield "licence", self.licence

    def _classes(self) -> str:
        if not self.classes:
            return f"none: {self.classes_from}"
        listed = [f"{name} {number:,}" for name, number in list(self.classes.items())[:LISTED]]
        if hidden := len(self.classes) - len(listed):
            smallest = min(self.classes, key=lambda name: self.classes[name])
            listed.append(f"and {hidden:,} more (the smallest is {smallest}, {self.classes[smallest]:,})")
        none = f"; {self.unlabelled:,} without" if self.unlabelled else ""
        return f"{', '.join(listed)}{none}: {self.classes_from}"


def odd_classes(classes: Mapping[str, int]) -> Iterator[str]:
    """What is odd about classes, by the number of their examples: of one example, or of names that read alike."""
    lone = [name for name, count in classes.items() if count == 1]
    if lone:
        more = ", ..." if len(lone) > NAMED else ""
        named = f"{plural(len(lone), 'class')} ({', '.join(lone[:NAMED])}{more}) of one example"
        yield f"{named}: are they names of examples rather than classes?" if 2 * len(lone) > len(classes) else named
    alike: dict[str, list[str]] = {}
    for name in classes:
        alike.setdefault(" ".join(name.casefold().split()), []).append(name)
    yield from (f"the classes {word_list(names)} read alike" for names in alike.values() if len(names) > 1)
