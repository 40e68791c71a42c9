"""Decoded recordings, kept in the cache: 16-bit samples of one channel, one recording after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genlab.core.words import plural
from genlab.data import splits, unread
from genlab.data.bounds import most_of
from genlab.data.cache import array, cached, flushed, parallel_map, read_record, write_array, write_record
from genlab.data.options import Request
from genlab.data.overview import NAMED
from genlab.data.walk import Found

LONGEST = 2**28  # samples of one recording
FULL, CLIPPED = 2**15 - 1, 0.001  # the largest sample; share of samples there, beyond which a recording was cut off
BLOCK = 2**20  # samples averaged at once
COARSE = 256  # step of 8 bits in 16


@dataclass(frozen=True)
class Sounds:
    """Decoded recordings.

    samples   (total,) int16, one recording after another
    lengths   (n,) of the recordings
    digests   (n, 16) uint8
    names     of the recordings
    skipped   (name, reason)
    rates     Hz, by name
    mixed     how many had several channels
    own       names of those that genlab made
    """

    samples: np.ndarray
    lengths: np.ndarray
    digests: np.ndarray
    names: list[str]
    skipped: list[tuple[str, str]]
    rates: dict[str, int]
    mixed: int
    own: list[str]


def oddities(sounds: Sounds) -> Iterator[str]:
    """What is odd about recordings: 8 bits in 16, silence, very different loudness."""
    begin = np.concatenate([[0], np.cumsum(sounds.lengths)])
    coarse: list[str] = []
    silent: list[str] = []
    clipped: list[str] = []
    peaks: list[int] = []
    for name, first, last in zip(sounds.names, begin[:-1].tolist(), begin[1:].tolist(), strict=True):
        part = sounds.samples[first:last]
        loud = np.abs(part.astype(np.int32))
        peak = int(loud.max(initial=0))
        (silent if peak == 0 else coarse if not (part % COARSE).any() else []).append(name)
        if (loud >= FULL).mean() > CLIPPED:
            clipped.append(name)
        peaks.append(peak)
    cut = "cut off at full scale; if their files hold numbers beyond 1, scale these down"
    for several, what in ((clipped, cut), (silent, "silent"), (coarse, "of 8 bits in files of 16")):
        if several:
            named = ", ".join(several[:NAMED]) + (", ..." if len(several) > NAMED else "")
            yield f"{plural(len(several), 'recording')} {what} ({named})"
    if sounds.mixed:
        yield f"{plural(sounds.mixed, 'recording')} of several channels, which are averaged"
    low, high = np.quantile(peaks, (0.05, 0.95))
    if low > 0 and high / low > 10:
        yield f"the loudest recordings are {high / low:.0f} times as loud as the quietest"


def decode_cached(request: Request, files: Sequence[Found]) -> Sounds:
    key = [[file.name, file.size, file.changed] for file in files]
    found = cached(request, "recordings", [], key, lambda part: _write(part, request, files), _load)
    unread.check(request, "recording", len(found.names), found.skipped, found.own)
    return found


def _write(part: Path, request: Request, files: Sequence[Found]) -> None:
    """Decode into `part`: samples.npy, rows.npy, record.json."""
    lengths: list[int] = []
    digests: list[bytes] = []
    names: list[str] = []
    skipped: list[tuple[str, str]] = []
    rates: dict[str, int] = {}
    own: list[str] = []
    mixed = 0
    with (part / "raw").open("wb") as raw:
        for done, (file, outcome) in enumerate(parallel_map(_tried, files), 1):
            if outcome is None:
                own.append(file.name)
            elif isinstance(outcome, str):
                skipped.append((file.name, outcome))
            else:
                samples, rate, channels = outcome
                raw.write(samples.tobytes())
                lengths.append(len(samples))
                digests.append(splits.digest(samples.tobytes()))
                names.append(file.name)
                rates[file.name] = rate
                mixed += channels > 1
            request.progress(done, len(files), "decoding recordings")
    with (part / "raw").open("rb") as raw, (part / "samples.npy").open("wb") as out:
        np.lib.format.write_array_header_1_0(out, {"descr": "<i2", "fortran_order": False, "shape": (sum(lengths),)})
        while block := raw.read(2**22):
            out.write(block)
        flushed(out)
    (part / "raw").unlink()
    rows = np.zeros(len(names), [("digest", np.uint8, 16), ("length", np.int64)])
    rows["digest"], rows["length"] = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 16), lengths
    write_array(part / "rows.npy", rows)
    record = {"names": names, "skipped": skipped, "own": own, "rates": rates, "mixed": mixed, "source": request.source}
    write_record(part, record)


def _load(entry: Path) -> Sounds | None:
    try:
        record, samples = read_record(entry), array(entry / "samples.npy")
        rows = np.load(entry / "rows.npy", allow_pickle=False)
        skipped = [(name, reason) for name, reason in record["skipped"]]
        if len(samples) != rows["length"].sum() or len(rows) != len(record["names"]):
            return None
        about = (record["names"], skipped, record["rates"], record["mixed"], record["own"])
        return Sounds(samples, rows["length"], rows["digest"], *about)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _tried(file: Found) -> tuple[Found, tuple[np.ndarray, int, int] | str | None]:
    """The file with its samples (T,) int16, rate and channels, or with the reason why it cannot be decoded; with None where
    genlab made it."""
    import soundfile

    try:
        if file.size == 0:
            return file, "it is empty"
        with soundfile.SoundFile(file.path) as sound:
            if sound.comment == unread.MADE_BY:
                return file, None
            size = sound.frames * sound.channels
            if size > LONGEST:
                return file, f"it has {size:,} samples; cut it into pieces"
            if 2 * size > most_of(file.size):
                return file, f"it unpacks to {2 * size:,} bytes, far beyond its size"
            samples, rate, channels = _sixteen(sound), sound.samplerate, sound.channels
    except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
        return file, f"it is no recording of a known format, or a damaged one ({error})"
    if not len(samples):
        return file, "it has no samples"
    if channels == 1:
        mono = samples[:, 0]
    else:
        blocks = (samples[first : first + BLOCK] for first in range(0, len(samples), BLOCK))
        mono = np.concatenate([np.rint(block.mean(1)).astype(np.int16) for block in blocks])
    return file, (mono.astype("<i2"), rate, channels)


def _sixteen(sound: Any) -> np.ndarray:
    """Samples (T, channels) int16 of an open soundfile.SoundFile.

    Of floating point numbers soundfile would only cut the decimals off: full scale is 1 there.
    """
    if sound.subtype not in ("FLOAT", "DOUBLE"):
        return sound.read(dtype="int16", always_2d=True)
    samples = np.nan_to_num(sound.read(dtype="float64", always_2d=True), nan=0.0, posinf=1.0, neginf=-1.0)
    return np.rint(samples.clip(-1, FULL / (FULL + 1)) * (FULL + 1)).astype(np.int16)
