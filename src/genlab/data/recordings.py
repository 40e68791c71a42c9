"""A folder of recordings: whole, or windows of --length samples; as codes of mu-law, or as linear levels.

A sample x in [-1, 1] becomes one of 256 levels, round((f(x) + 1) 255 / 2), where f(x) = sgn(x) ln(1 + 255 |x|) / ln 256
(mu-law, ITU-T G.711, continuous) or f(x) = x. Several channels are averaged; what is padded is silence.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
import torch
from torch import Tensor

from genlab.core.space import Space
from genlab.core.words import plural
from genlab.data import unread
from genlab.data.captions import beside
from genlab.data.formats import SOUND, suffix_of
from genlab.data.layout import laid_out
from genlab.data.options import Request
from genlab.data.overview import LeftOut, Overview
from genlab.data.pieces import Pieces, Sequences, named_conditions
from genlab.data.sounds import Sounds, decode_cached, oddities
from genlab.data.walk import Walk

LEVELS = 256
WINDOW = 4096  # samples, where some recording is longer
FULL = 32768  # amplitude 1 of 16 bits


def is_recording(name: str) -> bool:
    return suffix_of(name) in SOUND


class Recordings(Pieces):
    """Windows of recordings, or whole ones, as levels (B, 1, T) uint8."""

    moment = "sample"

    def __init__(self, request: Request, sounds: Sounds, sequences: Sequences, noted: Overview):
        options, longest, rate = request.options, int(sequences.lengths.max()), _rate(request, sounds)
        width = options.length or min(longest, WINDOW)
        whole = width >= longest
        how = f"{'linear' if options.linear else 'mu-law'} levels"
        cut = f"padded with silence to {width:,} samples" if whole else f"cut into windows of {width:,} samples"
        why = "" if options.length or whole else ", since some are longer: --length N for another"
        seconds = sequences.lengths / rate
        noted = replace(
            noted,
            what=plural(len(sequences.names), "recording"),
            piece="" if whole else "window",
            found=f"of {seconds.min():.2g} to {seconds.max():.2g} s at {rate:,} Hz, {seconds.sum():,.0f} s in all",
            made=f"{how}, {cut}{why}",
        )
        content = [np.ascontiguousarray(sequences.digests), *(each.numbers for each in sequences.conditions.values())]
        super().__init__(request, "sound", b"".join(part.tobytes() for part in content), noted)
        options.suit(self.name, "sound", "files", "folders")
        curve = "linear" if options.linear else "mu-law"
        self.space = Space((1, width), "CT", "ordinal", LEVELS, rate=float(rate), curve=curve)
        self.skipped = list(sounds.skipped)
        self._samples = sounds.samples.view(np.uint16)
        self._levels = np.roll(levels_of(options.linear), FULL)  # 0, 1, ..., then the negative ones, as unsigned bits count
        self.cut(request, sequences, width)

    def gather(self, starts: np.ndarray, lengths: np.ndarray) -> Tensor:
        x = np.full((len(starts), self.space.size), self._levels[0])
        for row, start, length in zip(x, starts.tolist(), lengths.tolist(), strict=True):
            samples = self._samples[start : start + length]
            self._levels.take(samples, out=row[:length], mode="clip")  # all are in range, and to check it numpy would copy
        return torch.from_numpy(x[:, None])


def read(request: Request, walked: Walk) -> Recordings:
    """The recordings among the files of a folder."""
    found = [file for file in walked.files if is_recording(file.name)]
    first = laid_out([file.name for file in found], request.name, request.options.folders)
    sounds = decode_cached(request, [file for file, keep in zip(found, first.keep.tolist(), strict=True) if keep])
    layout = laid_out(sounds.names, request.name, request.options.folders)
    about = beside(sounds.names, {file.name: file for file in walked.files})
    conditions, classes_from = named_conditions(request.options.pattern, sounds.names, layout, about)
    others = [file.name for file in walked.files if not is_recording(file.name) and file.name not in about.used]
    left = (
        *walked.left_out(),
        *first.left_out,
        *about.left_out,
        *about.unused_captions("recordings"),
        *unread.left_out("recording", sounds.skipped, sounds.own),
        *LeftOut.of(others, "file", "no recordings"),
    )
    noted = Overview(classes_from=classes_from, splits_from=layout.splits_from, left_out=left, odd=tuple(oddities(sounds)))
    return Recordings(request, sounds, Sequences(sounds.names, sounds.lengths, sounds.digests, layout.own, conditions), noted)


def _rate(request: Request, sounds: Sounds) -> int:
    """The rate of all recordings, Hz; ValueError where they differ."""
    rates = Counter(sounds.rates.values())
    usual = rates.most_common(1)[0][0]
    if len(rates) > 1:
        other = next(name for name, rate in sounds.rates.items() if rate != usual)
        listed = ", ".join(f"{count:,} of {rate:,} Hz" for rate, count in rates.most_common())
        raise ValueError(
            f"the recordings of {request.name} have different rates ({listed}; {other}: {sounds.rates[other]:,} Hz); bring "
            f"them to one, each by: ffmpeg -i {PurePosixPath(other).name} -ar {usual} new.wav"
        )
    return usual


def levels_of(linear: bool) -> np.ndarray:
    """The level of every 16-bit sample, (65536,) uint8, from the lowest."""
    x = np.arange(-FULL, FULL) / FULL
    f = x if linear else np.sign(x) * np.log1p((LEVELS - 1) * np.abs(x)) / np.log(LEVELS)
    return np.rint((f.clip(-1, 1) + 1) * (LEVELS - 1) / 2).astype(np.uint8)
