"""Samples saved as files, in the format of the suffix. Every file is whole or absent."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from csv import writer
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from genlab.comparison.samples import PARTS
from genlab.core.kinds import KINDS, kind_of
from genlab.core.space import Space
from genlab.data.unread import MADE_BY
from genlab.report import pictures, tiles
from genlab.report.axes import chart
from genlab.report.labels import labelled
from genlab.runs.files import within, write_atomic

RATE = 16_000  # Hz of recordings whose space does not say
PAUSE = 0.25  # seconds between recordings in one file
FRAME_RATE = 8  # frames a second of clips whose space does not say


def check_output(out: Path, space: Space, force: bool = False) -> None:
    """ValueError, before any work, if samples of this space cannot be written there."""
    kind = kind_of(space)
    files = [suffix for suffix in kind.suffixes if suffix]
    fitting = f"{files[0]} or .npz" if files[0] != ".npz" else ".npz"
    if out.suffix == "":
        if "" not in kind.suffixes:
            raise ValueError(f"--out {out}: no folder of one file a sample for {kind.examples}; choose {', '.join(files)}")
        if out.is_file():
            raise ValueError(f"--out {out} is a file; give it a suffix ({', '.join(files)}) or name a folder")
        if out.is_dir() and any(out.iterdir()) and not force:
            raise ValueError(f"--out {out} is a folder with files in it; choose another, or --force to add to it")
    elif out.suffix not in kind.suffixes:
        others = [other.examples for other in KINDS if out.suffix in other.suffixes]
        if not others:
            raise ValueError(f"--out {out}: {out.suffix} is not written here; choose {', '.join(files)} or a folder")
        raise ValueError(f"--out {out}: {out.suffix} holds {others[0]}; these samples go to {fitting}")
    elif out.is_dir():
        raise ValueError(f"--out {out} is a folder; name it without a suffix to write one file a sample")


def shows_way(out: Path | None, space: Space) -> bool:
    """Whether a file shows all frames on the way to the samples, and not the samples alone: a .gif of anything but video."""
    return out is not None and out.suffix == ".gif" and SAVERS[kind_of(space).name][".gif"] is _way


@dataclass(frozen=True)
class Samples:
    """Samples to be saved: frames (n, *space.shape) in the data's units, of which the last holds the samples.

    given    their conditions, or other arrays that belong to them
    columns  of a grid of pictures
    texts    the decoded samples, where they are text
    names    names of the coordinates of points; the last one may be that of their label
    real     of points: real ones, drawn behind them
    title    what a picture shows, written above it
    rows     what each row of a grid is, in turn where there are fewer names than rows
    """

    frames: Sequence[Any]
    space: Space
    given: Mapping[str, Any] = field(default_factory=dict)
    columns: int | None = None
    texts: Sequence[str] | None = None
    names: Sequence[str] = ()
    real: Any = None
    title: str = ""
    rows: Sequence[str] = ()

    @property
    def x(self) -> Any:
        return self.frames[-1]


def write(out: Path, samples: Samples) -> Path:
    """Write samples into a file, or into a folder one file each, as SAVERS says for their kind of data. Returns the path.

    OSError where the path cannot be written.
    """
    save = SAVERS[kind_of(samples.space).name][out.suffix]
    made = save(samples)
    if isinstance(made, bytes):
        write_atomic(out, lambda beside: beside.write_bytes(made))
        return out
    width = len(str(len(made.parts) - 1))
    for number, part in enumerate(made.parts):
        write_atomic(out / f"{number:0{width}}{made.suffix}", lambda beside, part=part: beside.write_bytes(part))
    return out


def write_neighbours(folder: Path, pairs: Sequence[Mapping[str, Any]], space: Space) -> Path | None:
    """Write samples/neighbours.png into the folder of a run; None where there are no pairs.

    pairs   a sample each, with the training and the held-out example nearest to it, which are drawn side by side
    """
    if not pairs:
        return None
    shown = np.stack([tiles.numbers(pair[part]) for pair in pairs for part in PARTS])
    title = "each row: a sample, the training example nearest to it, the held-out example nearest to it"
    made = pictures.png(labelled(pictures.picture(shown, space, columns=len(PARTS)), title=title))
    file = within(folder, "samples/neighbours.png")
    write_atomic(file, lambda beside: beside.write_bytes(made))
    return file


@dataclass(frozen=True)
class Parts:
    """One file a sample."""

    suffix: str
    parts: Sequence[bytes]


def npz(x: Any, space: Space, given: Mapping[str, Any], **more: Any) -> bytes:
    """x in the data's units, its conditions, and what reading it back needs: axes after N, levels, rate."""
    arrays = {"x": pictures.numbers(x)} | {key: pictures.numbers(value) for key, value in {**given, **more}.items()}
    if len(space.shape) > 1:
        arrays |= {"axes": np.array(f"N{space.axes}"), "levels": np.array(space.levels)}
    if space.rate is not None:
        arrays |= {"rate": np.array(space.rate)}
    if space.curve != "linear":
        arrays |= {"curve": np.array(space.curve)}
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()


def csv(x: Any, given: Mapping[str, Any], names: Sequence[str]) -> bytes:
    """A row for each point under the names of its coordinates, its label in the last column, as `genlab.open` reads it.

    given   the label by its name, (n,) numbers or words, "" for a point without one
    """
    rows = [[str(number) for number in row] for row in pictures.numbers(x).astype(np.float32)]
    heads = list(names) if len(names) == len(rows[0]) else [f"x{column + 1}" for column in range(len(rows[0]))]
    for key, values in given.items():
        heads.append(key)
        rows = [[*row, str(value)] for row, value in zip(rows, values, strict=True)]
    out = io.StringIO(newline="")
    writer(out, lineterminator="\n").writerows([heads, *rows])
    return out.getvalue().encode()


def npy(x: Any) -> bytes:
    """Volumes (n, C, D, H, W) in the data's units, or one without n; a single channel has no dimension of its own."""
    out, numbers = io.BytesIO(), pictures.numbers(x)
    np.save(out, numbers.squeeze(-4) if numbers.shape[-4] == 1 else numbers, allow_pickle=False)
    return out.getvalue()


def wav(recordings: np.ndarray, space: Space) -> bytes:
    """Recordings (n, C, T) from -1 to 1, one after the other with a pause between, as 16-bit WAV that says who made it."""
    import soundfile

    rate = round(space.rate or RATE)
    pause = np.zeros((recordings.shape[1], round(PAUSE * rate)))
    parts = [part for recording in recordings for part in (recording, pause)][:-1]
    out = io.BytesIO()
    x = np.concatenate(parts, 1)
    with soundfile.SoundFile(out, "w", rate, len(x), format="WAV", subtype="PCM_16") as file:
        file.comment = MADE_BY
        file.write(x.T)
    return out.getvalue()


def clips(x: Any, space: Space, columns: int | None = None) -> bytes:
    """Clips (n, F, C, H, W) side by side, playing, as a looping GIF; small ones are enlarged."""
    frames = [pictures.over(pictures.grid(frame, columns), pictures.PAPER) for frame in tiles.moments(x, space)]
    return _playing([frame.convert("RGB") for frame in frames], space)


def clip(x: Any, space: Space) -> bytes:
    """One clip (F, C, H, W) at its own size, as a looping GIF."""
    return _playing([Image.fromarray(frame) for frame in tiles.levels(x, space)], space)


def _playing(images: Sequence[Image.Image], space: Space) -> bytes:
    out = io.BytesIO()
    each = max(20, round(1000 / (space.rate or FRAME_RATE)))
    images[0].save(out, "GIF", save_all=True, append_images=images[1:], duration=each, loop=0, comment=MADE_BY)
    return out.getvalue()


def text(texts: Sequence[str], space: Space) -> str:
    """Lines under one another; windows of a text with a rule between."""
    return ("\n" if space.end is not None else "\n" + "-" * 40 + "\n").join(texts)


def _png(samples: Samples) -> bytes:
    if samples.texts is not None:
        names = [f"{name}: " for name in _of_rows(samples, samples.texts)] or [""] * len(samples.texts)
        shown = [name + text for name, text in zip(names, samples.texts, strict=True)]
        return pictures.png(labelled(pictures.picture(shown, samples.space), title=samples.title))
    image = pictures.picture(samples.x, samples.space, columns=samples.columns)
    columns = samples.columns or len(samples.x)
    return pictures.png(labelled(image, _of_rows(samples, range(0, len(samples.x), columns)), samples.title))


def _of_rows(samples: Samples, rows: Sequence[Any]) -> list[str]:
    """The name of each row; none where they have none."""
    return [samples.rows[number % len(samples.rows)] for number in range(len(rows))] if samples.rows else []


def _plane(samples: Samples) -> bytes:
    return pictures.png(chart(samples.x, samples.space, samples.names, samples.real, samples.title))


def _way(samples: Samples) -> bytes:
    return pictures.gif(samples.frames, samples.space, columns=samples.columns)


def _sound(samples: Samples) -> np.ndarray:
    return tiles.amplitudes(samples.x, samples.space)


def _pictures(samples: Samples) -> Parts:
    """Pictures at their own size."""
    return Parts(".png", [pictures.png(Image.fromarray(tile)) for tile in tiles.levels(samples.x, samples.space)])


Saver = Callable[[Samples], bytes | Parts]


def _arrays(samples: Samples) -> bytes:
    """Arrays; of texts their words too, by which they are read back."""
    words = {} if samples.texts is None else {"texts": np.array(list(samples.texts)), "lines": samples.space.end is not None}
    return npz(samples.x, samples.space, samples.given, **words)


COMMON: dict[str, Saver] = {".png": _png, ".npz": _arrays, ".gif": _way}
TEXTS: dict[str, Saver] = {
    ".txt": lambda samples: (text(samples.texts or (), samples.space) + "\n").encode(),
    "": lambda samples: Parts(".txt", [(item + "\n").encode() for item in samples.texts or ()]),
}
SAVERS: dict[str, dict[str, Saver]] = {  # by kind of data and suffix; "" is a folder of one file a sample
    "points": COMMON | {".png": _plane, ".csv": lambda samples: csv(samples.x, samples.given, samples.names)},
    "pictures": COMMON | {"": _pictures},
    "text": COMMON | TEXTS,
    "lines": COMMON | TEXTS,
    "sound": COMMON
    | {
        ".wav": lambda samples: wav(_sound(samples), samples.space),
        "": lambda samples: Parts(".wav", [wav(one[None], samples.space) for one in _sound(samples)]),
    },
    "video": COMMON
    | {
        ".gif": lambda samples: clips(samples.x, samples.space, samples.columns),
        "": lambda samples: Parts(".gif", [clip(one, samples.space) for one in samples.x]),
    },
    "voxels": COMMON
    | {".npy": lambda samples: npy(samples.x), "": lambda samples: Parts(".npy", [npy(one) for one in samples.x])},
}
