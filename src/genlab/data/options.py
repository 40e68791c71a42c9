"""Options of `open`, all of them in one place. No torch here.

The fields of `Options` are options of the command line: their names, their types, and the sentences below them as help. The
record of a run holds those that were set, and `from_record` reads them back.
"""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

Binarise = Literal["threshold", "static", "dynamic"]
Folders = Literal["classes", "splits", "domains", "pairs", "nothing"]
Domain = Literal["A", "B"]
Halves = Literal["pair", "one"]
Decimal = Literal["point", "comma"]
Header = Literal["yes", "no"]
FileKind = Literal["points", "text", "pictures", "recordings", "videos"]
ProgressCallback = Callable[[int, int, str], object]  # (done, total, what)
SHARES = (0.8, 0.1, 0.1)  # of train, validation, test
LARGEST = 1024  # pixels a side
LONGEST = 4096  # characters of an option


def silent(done: int, total: int, what: str) -> None:
    """A progress callback that shows nothing."""


def _of(default: Any, *words: str) -> Any:
    """A field of Options. words: the kinds of data that it suits; none for every kind."""
    return field(default=default, metadata={"suits": words})


@dataclass(frozen=True)
class Options:
    """The options that turn a source into data; ValueError for values that no data can have."""

    size: int | None = _of(None, "pictures")
    """Side of the square that pictures are resized and cropped to, in pixels."""
    folders: Folders | None = _of(None, "folders")  # noqa: RUF009
    """What folders in a folder are: classes, splits, domains or pairs (trainA, trainB), nothing; default: as called."""
    domain: Domain | None = _of(None, "domains")  # noqa: RUF009
    """Which of two domains in one folder (trainA, trainB), or halves, is learnt; the other is given; default: A, of pairs B."""
    halves: Halves | None = _of(None, "folders")  # noqa: RUF009
    """Pictures twice as wide as high: a pair side by side, of which the right one is learnt and the left one given; or one."""
    levels: int | None = _of(None, "pictures")
    """Levels of pictures that use fewer than their files could hold: 2 for masks of 0 and 1, 4096 for 12 bits in 16."""
    label_maps: bool = _of(False, "pictures")
    """Pictures hold the class of what is seen at each pixel: palettes are not colours, and sizes change without blending."""
    kind: FileKind | None = _of(None, "table", "text", "lines", "folders")  # noqa: RUF009
    """What one file holds, where its name does not say: points (a table of numbers) or text; or what of a folder is learnt."""
    columns: str | None = _of(None, "table")
    """Columns of a table to learn, names with commas between; default: all that hold numbers and do not count the rows."""
    label: str | None = _of(None, "table", "rows")
    """The column that is the label; default: the one called label, or class, target, ... where it holds classes."""
    axes: str | None = _of(None, "arrays")
    """Dimensions of an array in their order: NHWC or NCHW (pictures), NDHW (volumes), NFHW (clips), NT (sound)."""
    decimal: Decimal | None = _of(None, "table")  # noqa: RUF009
    """Whether numbers of a table have a decimal point or comma, where that cannot be seen."""
    header: Header | None = _of(None, "table")  # noqa: RUF009
    """Whether the first line of a table names the columns, where that cannot be seen."""
    complete: bool = _of(False, "table")
    """Leave out the rows of a table in which a value is missing; default: they are learnt, with missing entries."""
    lines: bool = _of(False, "lines")
    """A text file holds one item a line: names and the like."""
    length: int | None = _of(None, "text", "strings", "sound")
    """Characters (or tokens) of one window of a text, samples of one window of sound; default: 64; recordings up to 4,096."""
    frames: int | None = _of(None, "video", "moving")
    """Frames of one clip, cut out of videos, animated pictures or folders of frames; 1 learns stills; default: up to 16."""
    pattern: str | None = _of(None, "sound", "video", "folders")
    """What the names of files say, as "{label}_{index}" of pictures, "{label}_{speaker}_{index}" of recordings or clips."""
    linear: bool = _of(False, "sound")
    """Sound in 256 linear levels; default: mu-law, which spends them on quiet sound."""
    vocabulary: int | None = _of(None, "text", "captions")
    """Tokens of a byte-pair vocabulary that is learnt from the texts; default: every character is a token."""
    unconditional: bool = _of(False)
    """Leave classes and texts out: the model is given nothing."""
    labelled: int | None = _of(None)
    """Keep the labels of this many training examples, as many of each class; the others get -1, "no label"."""
    pair: str | None = _of(None)
    """Second data, whose examples are partners of these by name, or else by row: each is given as `source`."""
    other: str | None = _of(None)
    """Second data without partners: another domain, given as `other` while training."""
    degrade: str | None = _of(None)
    """Give a degraded copy of each picture as `source`: 2x, 4x, ... (lower resolution), grey, edges, noise=0.1."""
    hide: str | float | None = _of(None)
    """Hide entries of the training examples: a share of them, as 0.5, or one block of each, as block."""
    binarise: Binarise | None = _of(None)  # noqa: RUF009
    """Make pictures black and white: above one half (threshold), drawn once (static) or anew each time (dynamic)."""
    allow_bad: bool = _of(False)
    """Go on although more than a tenth of the files cannot be read."""
    shares: tuple[float, float, float] | None = _of(None, "files")
    """Shares of train, validation and test where the data have no splits of their own; default: 0.8 0.1 0.1."""
    stream_seed: int = _of(0)
    """Random seed of the order of training examples; the splits never depend on it."""

    def __post_init__(self) -> None:
        _within("size", self.size, 2, LARGEST, "pixels")
        _within("levels", self.levels, 2, 65536, "")
        if self.levels is not None and self.label_maps:
            raise ValueError("levels and label_maps are two ways to read numbers of pixels: leave one out")
        _within("frames", self.frames, 1, 1024, "")
        _within("length", self.length, 2, 1_000_000, "tokens")
        _within("vocabulary", self.vocabulary, 256, 1_000_000, "tokens")
        _within("labelled", self.labelled, 1, 1_000_000_000, "examples")
        _within("stream_seed", self.stream_seed, 0, 2**62, "")
        named: dict[str, Any] = {"binarise": Binarise, "folders": Folders, "domain": Domain, "halves": Halves}
        for name, choices in (named | {"decimal": Decimal, "header": Header, "kind": FileKind}).items():
            value = getattr(self, name)
            if value is not None and value not in get_args(choices):
                raise ValueError(f"{name} must be {', '.join(get_args(choices))}; got {str(value)[:60]!r}")
        if self.hide is not None:
            object.__setattr__(self, "hide", str(self.hide))
        if self.pair is not None and self.other is not None:
            raise ValueError("pair and other are two ways to use a second source: leave one out")
        if self.shares is not None:
            object.__setattr__(self, "shares", tuple(float(share) for share in self.shares))
            right = len(self.shares) == 3 and self.shares[0] > 0 and min(self.shares) >= 0 and abs(sum(self.shares) - 1) < 1e-6
            if not right:
                raise ValueError(
                    "shares are those of train, validation and test, train's above 0, together 1, as (0.8, 0.1, 0.1); "
                    f"got {str(self.shares)[:60]}"
                )

    def record(self) -> dict[str, Any]:
        """The options that differ from their defaults, as plain JSON values; `from_record` is its inverse."""
        changed = {
            entry.name: getattr(self, entry.name) for entry in fields(self) if getattr(self, entry.name) != entry.default
        }
        return {name: list(value) if isinstance(value, tuple) else value for name, value in changed.items()}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Options:
        """Options by name. ValueError for a name that there is not, with the nearest one, or a value of another type."""
        hints = get_type_hints(cls)
        for name, value in record.items():
            if name not in hints:
                near = difflib.get_close_matches(name, list(hints), 1, 0.5)
                raise ValueError(
                    f"data have no option {name!r}; " + (f"did you mean {near[0]}?" if near else f"there is {', '.join(hints)}")
                )
            if not _typed(value, hints[name]):
                raise ValueError(f"{name} must be {_in_words(hints[name])}; got {value!r:.60}")
        values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in record.items()}
        return cls(**values)

    def split_off(self, *names: str) -> tuple[Options, dict[str, Any]]:
        """(the options with these names at their defaults, the values of those that were set)."""
        taken = {name: value for name, value in self.record().items() if name in names}
        return replace(self, **{entry.name: entry.default for entry in fields(self) if entry.name in names}), taken

    def suit(self, name: str, kind: str, *words: str) -> None:
        """ValueError for an option that was set and suits none of these words.

        name    of the data
        kind    what the data hold, for the message; one of the words too
        """
        for entry in fields(self):
            suits = entry.metadata["suits"]
            if entry.name in self.record() and suits and not {kind, *words} & set(suits):
                raise ValueError(f"--{entry.name.replace('_', '-')} does not suit {name}: it holds {kind}; leave it out")


def _typed(value: Any, hint: Any) -> bool:
    """Whether a value of JSON is of a field's type; the length of a tuple is not checked."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return any(_typed(value, part) for part in get_args(hint))
    if origin is Literal:
        return isinstance(value, str)
    if origin is tuple:
        return isinstance(value, list | tuple) and all(_typed(part, float) for part in value)
    if isinstance(value, bool):
        return hint is bool
    if isinstance(value, str) and len(value) > LONGEST:
        return False
    if hint in (int, float):  # whether it is a whole one is said with the bounds
        return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    return isinstance(value, hint)


def _in_words(hint: Any) -> str:
    """A field's type: "a whole number"."""
    kind = get_args(hint)[0] if get_origin(hint) in (Union, UnionType) else hint
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    return {bool: "True or False", int: "a whole number", str: "a text, in quotes in Python"}.get(kind, "a list of numbers")


def _within(name: str, value: int | None, low: int, high: int, unit: str) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low:,} to {high:,}{f' {unit}' if unit else ''}; got {value}")


def cache_root(chosen: str | Path | None = None) -> Path:
    """The cache folder: the chosen one, else $GENLAB_CACHE, else ~/.cache/genlab."""
    return Path(chosen or os.environ.get("GENLAB_CACHE") or Path.home() / ".cache" / "genlab")


@dataclass(frozen=True)
class Request:
    """A source with its options, as readers get it. path: empty for a source that is no file."""

    source: str
    name: str  # short, for titles and folders
    options: Options
    path: Path = Path()
    cache: Path = field(default_factory=cache_root)
    progress: ProgressCallback = silent
