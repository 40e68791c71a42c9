"""What a report shows of a run, kept in the run's folder: a comparison that goes on later draws nothing twice."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genlab.core.space import Space
from genlab.report import Media, Neighbour, pictures
from genlab.report.curves import readings
from genlab.runs.files import write_atomic

if TYPE_CHECKING:
    from genlab.api import Run
    from genlab.cli.measuring import Measured
    from genlab.watch import Watch

SHOWN = {"CHW": 64, "D": 1000}  # samples on the page; of text, all that are drawn
COMPARED = "samples/compared.npz"
PARTS = ("sample", "train", "test")


class Kept:
    """The samples of a run that its scores are about, as many as a page shows, and the pairs nearest to training examples."""

    def __init__(self, run: Run):
        self.run, self.file = run, run.path / COMPARED

    def write(self, found: Measured, space: Space) -> None:
        shown = found.samples[: SHOWN.get(space.axes, len(found.samples))]
        arrays: dict[str, Any] = {"x": pictures.numbers(shown), "weights": np.array(found.weights)}
        pairs = found.evidence.get("neighbours", [])
        if pairs:
            arrays |= {part: np.stack([pictures.numbers(pair[part]) for pair in pairs]) for part in PARTS}
            arrays |= {name: np.array([pair[name] for pair in pairs]) for name in ("ratio", "copied")}
        out = io.BytesIO()
        np.savez_compressed(out, allow_pickle=False, **arrays)
        write_atomic(self.file, lambda beside: beside.write_bytes(out.getvalue()))

    def read(self) -> Mapping[str, np.ndarray]:
        """The arrays; nothing where they were never written."""
        if not self.file.exists():
            return {}
        with np.load(self.file, allow_pickle=False) as arrays:
            return dict(arrays)


def media_of(run: Run, data: Any) -> Media:
    """What a page shows of a measured run."""
    kept = Kept(run).read()
    if not kept:
        return Media(curves=readings(run.ticks()))
    pairs = zip(*(kept[name] for name in (*PARTS, "ratio", "copied")), strict=True) if "ratio" in kept else ()
    neighbours = [Neighbour(a, b, c, float(ratio), bool(copied)) for a, b, c, ratio, copied in pairs]
    note = f"{kept['weights']} weights"
    return Media(texts(kept["x"], data), 0, readings(run.ticks()), note, neighbours, alarm_pictures(run.path))


def alarm_pictures(folder: Path) -> dict[str, bytes]:
    """By kind of alarm."""
    return {file.stem.replace("-", " "): file.read_bytes() for file in sorted((folder / "alarms").glob("*.png"))}


def real_media(data: Any) -> Media:
    """Real examples of the test split, spread over it: a source may be sorted by class."""
    from genlab.core.data import some
    from genlab.measure import joined

    axes = data.space.axes
    return Media(texts(joined(some(data, "test", {"T": 24, "D": 2000}.get(axes, SHOWN["CHW"])))[0], data))


def texts(x: Any, data: Any) -> Any:
    """Texts as they read, everything else as it is."""
    if data.space.axes != "T":
        return x
    import torch

    return list(data.decode(torch.as_tensor(x)))


def write_pairs(folder: Path, found: Measured, space: Space) -> Path | None:
    """The samples nearest to training examples, each in a row with that and with the nearest held-out one."""
    pairs = found.evidence.get("neighbours", [])
    if not pairs:
        return None
    tiles = np.stack([pictures.numbers(pair[part]) for pair in pairs for part in PARTS])
    made = pictures.png(pictures.picture(tiles, space, columns=len(PARTS)))
    place = folder / "samples" / "neighbours.png"
    write_atomic(place, lambda beside: beside.write_bytes(made))
    return place


def write_alarms(folder: Path, watch: Watch, space: Space) -> None:
    """The samples at each alarm as a picture in the run's alarms/."""
    for kind, samples in watch.pictures.items():
        made = pictures.png(pictures.picture(samples, space))
        place = folder / "alarms" / f"{kind.replace(' ', '-')}.png"
        write_atomic(place, lambda beside, made=made: beside.write_bytes(made))
