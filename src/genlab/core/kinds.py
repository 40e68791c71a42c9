"""Kinds of data: a row of this table holds what differs between pictures, points, texts, sound, video and voxels.

Beside its row, a kind has entries in tables keyed by its name: how it is measured (`measure.table.MEASURES`,
`measure.checkup.CHECKUPS`, `features.choice.USUAL`), drawn (`report.pictures.DRAWINGS`), described
(`comparison.words.SHAPES`) and saved (`report.saving.SAVERS`). Nothing else asks for a space's axes. No torch here: help pages
read this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from genlab.core.space import Space


@dataclass(frozen=True)
class DataKind:
    """One kind of data.

    name         as help pages and the index of models say it
    axes         of its spaces: D coordinates, T tokens, C channels, H and W rows and columns, F frames, D before HW depth; a T
                 after a C is time
    example      what one example is called
    examples     what several are called
    suffixes     of files that samples are saved as, the usual one first; "" is a folder of one file a sample
    ends         tokens: whether an example ends before its width (a line), or is a window cut out of something longer
    reads        whether samples are read as text rather than looked at
    unit         of its likelihood; "": bits/dim for entries with levels, nats for any others
    scored       samples drawn for a score; None: as many as the slowest model draws in good time
    sampled      samples that `genlab sample` draws by default
    shown        samples on the page of a run
    compared     samples on the page of a comparison
    real_shown   real examples on the page of a comparison
    """

    name: str
    axes: str
    example: str
    examples: str
    suffixes: tuple[str, ...]
    ends: bool = False
    reads: bool = False
    unit: Literal["", "bits_per_dim", "nats_per_character", "nats"] = ""
    scored: int | None = None
    sampled: int = 64
    shown: int = 64
    compared: int = 64
    real_shown: int = 64

    def holds(self, space: Space) -> bool:
        """Whether a space is of this kind."""
        return space.axes == self.axes and (not self.reads or (space.end is not None) == self.ends)


POINTS = DataKind(
    "points", "D", "point", "points", (".png", ".csv", ".npz", ".gif"),
    scored=2000, shown=1000, compared=1000, real_shown=2000,
)  # fmt: skip
PICTURES = DataKind("pictures", "CHW", "picture", "pictures", (".png", "", ".npz", ".gif"))
TEXT = DataKind(
    "text", "T", "window", "text", (".txt", "", ".npz", ".png", ".gif"), reads=True,
    unit="nats_per_character", scored=64, sampled=4, shown=3, compared=64, real_shown=24,
)  # fmt: skip
LINES = DataKind(
    "lines", "T", "line", "lines", (".txt", "", ".npz", ".png", ".gif"), ends=True, reads=True,
    unit="nats_per_character", scored=1000, shown=24, compared=1000, real_shown=24,
)  # fmt: skip
SOUND = DataKind(
    "sound", "CT", "recording", "recordings", (".wav", "", ".png", ".npz", ".gif"),
    sampled=16, shown=16, compared=16, real_shown=16,
)  # fmt: skip
VIDEO = DataKind(
    "video", "FCHW", "clip", "clips", (".gif", "", ".png", ".npz"),
    sampled=16, shown=16, compared=16, real_shown=16,
)  # fmt: skip
VOXELS = DataKind(
    "voxels", "CDHW", "volume", "volumes", (".png", "", ".npz", ".npy", ".gif"),
    sampled=16, shown=16, compared=16, real_shown=16,
)  # fmt: skip
KINDS: tuple[DataKind, ...] = (POINTS, PICTURES, TEXT, LINES, SOUND, VIDEO, VOXELS)


def called(name: str) -> DataKind:
    """The kind of data of this name. ValueError where there is none."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    raise ValueError(f"there is no kind of data called {name!r}; there is {', '.join(kind.name for kind in KINDS)}")


def kind_of(space: Space) -> DataKind:
    """The kind of data that a space describes. ValueError for a label, or for axes that no kind has."""
    for kind in KINDS:
        if kind.holds(space):
            return kind
    known = ", ".join(f"{kind.axes} ({kind.name})" for kind in KINDS if not kind.ends)
    raise ValueError(f"no kind of data has the axes {space.axes!r}; there are {known}")
