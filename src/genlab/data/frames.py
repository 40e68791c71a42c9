"""Decoded clips, kept in the cache: frames of one size, one clip after another.

A clip is an animated GIF or WebP, a folder of frames, or a video file; these are read through PyAV, the extra `video`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageSequence

from genlab.data import splits, unread
from genlab.data.cache import array, cached, flushed, parallel_map, read_record, write_array, write_record
from genlab.data.decode import TOO_MANY, decoded, grey_or_colour, made_here, measured, opaque, square
from genlab.data.formats import VIDEO, suffix_of
from genlab.data.options import Request
from genlab.data.walk import Found

OWN, OTHERWISE = 64, 32  # pixels: the largest original size that is kept, and the size for clips of several sizes
LONGEST, PIXELS = 10_000, 2**32  # frames of one clip, and pixels of all of them
FRAME_MS = 100  # of an animation that does not say how long a frame lasts


@dataclass(frozen=True)
class Clip:
    """A clip that is to be decoded: one file, or the files of its frames in order."""

    name: str
    files: tuple[Found, ...]


@dataclass(frozen=True)
class Frames:
    """Decoded clips.

    frames    (total, C, H, W) uint8, one clip after another
    lengths   (n,) frames of the clips
    rate      frames a second, the middle of the clips'; 0 where none says
    own       names of those that genlab made
    sizes     how many sizes there were, the smallest and the largest, (height, width)
    """

    frames: np.ndarray
    lengths: np.ndarray
    digests: np.ndarray
    names: list[str]
    skipped: list[tuple[str, str]]
    own: list[str]
    rate: float
    sizes: list[Any]


def reads_video() -> bool:
    """Whether PyAV is installed."""
    try:
        import av  # noqa: F401  # pyright: ignore[reportMissingImports, reportUnusedImport]
    except ImportError:
        return False
    return True


def decode_cached(request: Request, clips: Sequence[Clip]) -> Frames:
    """The decoded clips, from the cache if they are in it; ValueError where too few can be read."""
    key = [[clip.name, *[[file.name, file.size, file.changed] for file in clip.files]] for clip in clips]
    found = cached(request, "clips", [request.options.size], key, lambda part: _write(part, request, clips), _load)
    unread.check(request, "clip", len(found.names), found.skipped, found.own)
    return found


def _write(part: Path, request: Request, clips: Sequence[Clip]) -> None:
    """Decode into `part`: frames.npy, rows.npy, record.json."""
    sizes: set[tuple[int, int]] = set()
    for done, clip in enumerate(clips, 1):
        sizes |= set(_measured(clip))
        request.progress(done, len(clips), "reading sizes")
    only = next(iter(sizes)) if len(sizes) == 1 else None
    size = request.options.size
    shape = (size, size) if size else only if only is not None and max(only) <= OWN else (OTHERWISE, OTHERWISE)
    lengths: list[int] = []
    digests: list[bytes] = []
    names: list[str] = []
    skipped: list[tuple[str, str]] = []
    own: list[str] = []
    rates: list[float] = []
    colour = False
    with (part / "raw").open("wb") as raw:
        for done, (clip, outcome) in enumerate(parallel_map(lambda clip: _tried(clip, shape), clips), 1):
            if outcome is None:
                own.append(clip.name)
            elif isinstance(outcome, str):
                skipped.append((clip.name, outcome))
            else:
                frames, rate = outcome
                colour |= any(len(grey_or_colour(frame)) == 3 for frame in frames)
                raw.write(frames.tobytes())
                lengths.append(len(frames))
                digests.append(splits.digest(frames.tobytes()))
                names.append(clip.name)
                rates += [rate] if rate else []
            request.progress(done, len(clips), "decoding clips")
    channels = 3 if colour else 1
    with (part / "raw").open("rb") as raw, (part / "frames.npy").open("wb") as out:
        shaped = (sum(lengths), channels, *shape)
        np.lib.format.write_array_header_1_0(out, {"descr": "|u1", "fortran_order": False, "shape": shaped})
        while block := raw.read(1024 * 3 * shape[0] * shape[1]):
            out.write(np.frombuffer(block, np.uint8).reshape(-1, 3, *shape)[:, :channels].tobytes())
        flushed(out)
    (part / "raw").unlink()
    rows = np.zeros(len(names), [("digest", np.uint8, 16), ("length", np.int64)])
    rows["digest"], rows["length"] = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 16), lengths
    write_array(part / "rows.npy", rows)
    ordered = sorted(sizes, key=lambda each: (each[0] * each[1], each))
    found = [len(ordered), *ordered[:1], *ordered[-1:]]
    rate = float(np.median(rates)) if rates else 0.0
    record = {"names": names, "skipped": skipped, "own": own, "rate": rate, "sizes": found, "source": request.source}
    write_record(part, record)


def _load(entry: Path) -> Frames | None:
    try:
        record, frames = read_record(entry), array(entry / "frames.npy")
        rows = np.load(entry / "rows.npy", allow_pickle=False)
        skipped = [(name, reason) for name, reason in record["skipped"]]
        if len(frames) != rows["length"].sum() or len(rows) != len(record["names"]):
            return None
        about = (record["names"], skipped, record["own"], record["rate"], record["sizes"])
        return Frames(frames, rows["length"], rows["digest"], *about)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _measured(clip: Clip) -> Iterator[tuple[int, int]]:
    """(height, width) of a clip, or of all its frames; nothing where they cannot be read: decoding says why."""
    try:
        if suffix_of(clip.files[0].name) not in VIDEO:
            yield from {measured(file.path) for file in clip.files}
            return
        import av  # pyright: ignore[reportMissingImports]

        with av.open(str(clip.files[0].path)) as video:
            stream = video.streams.video[0]
            yield stream.height, stream.width
    except Exception:  # of PyAV's many, none with a common class; whatever it is, decoding meets it again
        return


def _tried(clip: Clip, shape: tuple[int, int]) -> tuple[Clip, tuple[np.ndarray, float] | str | None]:
    """The clip with its frames (F, 3, H, W) and their rate, or with the reason why it cannot be decoded; with None where
    genlab made it."""
    try:
        first, *more = clip.files
        if more:
            return clip, (np.stack([decoded(file.path, shape).levels for file in clip.files]), 0.0)
        is_video = suffix_of(first.name) in VIDEO
        return clip, (_video if is_video else _animated)(first.path, shape)
    except ValueError as error:
        return clip, str(error)
    except Image.DecompressionBombError:
        return clip, TOO_MANY
    except Exception as error:  # of Pillow and PyAV, about a broken file
        return clip, f"it is damaged ({str(error)[:80] or type(error).__name__})"


def _animated(path: Path, shape: tuple[int, int]) -> tuple[np.ndarray, float] | None:
    """Frames of an animated GIF or WebP, and how many a second; None where genlab made it."""
    with Image.open(path) as image:
        if made_here(image):
            return None
        count = int(getattr(image, "n_frames", 1))
        if count > LONGEST:
            raise ValueError(f"it has {count:,} frames; cut it into pieces")
        if count * image.width * image.height > PIXELS:
            raise ValueError(f"it has {count:,} frames of {image.width} x {image.height} pixels, too many; make it smaller")
        frames, lasting = [], []
        for frame in ImageSequence.Iterator(image):
            frames.append(_fitted(frame.copy(), shape))
            lasting.append(frame.info.get("duration") or FRAME_MS)
    return np.stack(frames), 1000 / float(np.mean(lasting))


def _video(path: Path, shape: tuple[int, int]) -> tuple[np.ndarray, float]:
    """Frames of a video file, and how many a second."""
    import av  # pyright: ignore[reportMissingImports]

    with av.open(str(path)) as video:
        stream = video.streams.video[0]
        frames = []
        for frame in video.decode(stream):
            if len(frames) >= LONGEST:
                raise ValueError(f"it has more than {LONGEST:,} frames; cut it into pieces")
            frames.append(_fitted(frame.to_image(), shape))
        if not frames:
            raise ValueError("it has no frames")
        return np.stack(frames), float(stream.average_rate or 0)


def _fitted(image: Image.Image, shape: tuple[int, int]) -> np.ndarray:
    """(3, H, W) uint8."""
    height, width = shape
    fit = opaque(image)
    if fit.size != (width, height):
        fit = square(fit, width)
    return np.asarray(fit.convert("RGB")).transpose(2, 0, 1)
