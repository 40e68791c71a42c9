"""A folder of clips: animated GIFs and WebPs, video files, or folders of frames; whole, or windows of --frames frames."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from genlab.core.program import installing
from genlab.core.space import Space
from genlab.core.words import plural
from genlab.data import unread
from genlab.data.captions import beside
from genlab.data.formats import VIDEO, suffix_of
from genlab.data.frames import Clip, Frames, decode_cached, reads_video
from genlab.data.layout import laid_out
from genlab.data.options import Request
from genlab.data.overview import LeftOut, Overview
from genlab.data.picture_files import is_picture
from genlab.data.pieces import Pieces, Sequences, named_conditions
from genlab.data.walk import Found, Walk

USUAL = 16  # frames of a window, where the clips have more
ANIMATED = (".gif", ".webp", ".png")
FEWEST = 2  # frames of a clip
LOOKED_AT = 20  # pictures by which a folder of animations is known


class Clips(Pieces):
    """Windows of clips, or whole ones, (B, F, C, H, W) uint8. Short ones are padded with their last frame."""

    moment = "frame"

    def __init__(self, request: Request, found: Frames, sequences: Sequences, noted: Overview):
        options, least, longest = request.options, int(sequences.lengths.min()), int(sequences.lengths.max())
        width = options.frames or min(longest, USUAL)
        whole = width >= longest
        cut = f"padded to {plural(width, 'frame')}" if whole else f"cut into windows of {plural(width, 'frame')}"
        why = "" if options.frames or whole else ", since some are longer: --frames N for another"
        first, last = (f"{wide} × {high}" for high, wide in (found.sizes[1], found.sizes[-1]))
        sized = f"of {first} pixels" if found.sizes[0] == 1 else f"of {found.sizes[0]:,} sizes, {first} to {last} pixels"
        fitted = tuple(found.sizes[-1]) == found.frames.shape[2:] and found.sizes[0] == 1
        noted = replace(
            noted,
            what=plural(len(sequences.names), "clip"),
            piece="" if whole else "window",
            found=f"{sized}, of {'' if least == longest else f'{least:,} to '}{plural(longest, 'frame')}",
            made=f"{cut}{why}{'' if fitted else '; cut to squares and resized: --size N for another size'}",
        )
        content = [np.ascontiguousarray(sequences.digests), *(each.numbers for each in sequences.conditions.values())]
        super().__init__(request, "video", b"".join(part.tobytes() for part in content), noted)
        options.suit(self.name, "video", "files", "folders", "pictures")
        self.space = Space((width, *found.frames.shape[1:]), "FCHW", "ordinal", 256, rate=found.rate or None)
        self.skipped = list(found.skipped)
        self._frames = found.frames
        self.cut(request, sequences, width)

    def gather(self, starts: np.ndarray, lengths: np.ndarray) -> Tensor:
        place = np.minimum(np.arange(self._width), lengths[:, None] - 1)
        return torch.from_numpy(self._frames[starts[:, None] + place])


def is_video(name: str) -> bool:
    return suffix_of(name) in VIDEO


def all_move(walked: Walk) -> bool:
    """Whether all pictures of a folder are animated, by those at its beginning, middle and end."""
    found = [file for file in walked.files if is_picture(file.name)]
    if not found or any(suffix_of(file.name) not in ANIMATED for file in found):
        return False
    moves = [moving for file in found[:: max(1, len(found) // LOOKED_AT)] if (moving := _moves(file)) is not None]
    return bool(moves) and all(moves)


def _moves(file: Found) -> bool | None:
    """Whether a picture is animated; None where it cannot be read."""
    try:
        with Image.open(file.path) as image:
            return bool(getattr(image, "is_animated", False))
    except Exception:  # whatever Pillow raises about a broken file: decoding meets it again
        return None


def read(request: Request, walked: Walk) -> Clips:
    """The clips of a folder: its videos, else its animated pictures, else its folders of frames."""
    clips = _clips(request, walked)
    first = laid_out([clip.name for clip in clips], request.name, request.options.folders)
    found = decode_cached(request, [clip for clip, keep in zip(clips, first.keep.tolist(), strict=True) if keep])
    layout = laid_out(found.names, request.name, request.options.folders)
    about = beside(found.names, {file.name: file for file in walked.files})
    conditions, classes_from = named_conditions(request.options.pattern, found.names, layout, about)
    used = {file.name for clip in clips for file in clip.files} | about.used
    left = (
        *walked.left_out(),
        *first.left_out,
        *about.left_out,
        *about.unused_captions("clips"),
        *unread.left_out("clip", found.skipped, found.own),
        *LeftOut.of([file.name for file in walked.files if file.name not in used], "file", "no clips"),
    )
    noted = Overview(classes_from=classes_from, splits_from=layout.splits_from, left_out=left)
    return Clips(request, found, Sequences(found.names, found.lengths, found.digests, layout.own, conditions), noted)


def _clips(request: Request, walked: Walk) -> list[Clip]:
    videos = [file for file in walked.files if is_video(file.name)]
    if videos:
        if not reads_video():
            raise ValueError(f"{request.path} holds videos, which needs an extra: {installing('video')}")
        return [Clip(file.name, (file,)) for file in videos]
    found = [file for file in walked.files if is_picture(file.name)]
    if all_move(walked):
        return [Clip(file.name, (file,)) for file in found]
    folders: dict[str, list[Found]] = {}
    for file in found:
        folders.setdefault(str(PurePosixPath(file.name).parent), []).append(file)
    clips = [Clip(name, tuple(sorted(files, key=_number))) for name, files in folders.items() if len(files) >= FEWEST]
    if len(clips) < FEWEST:
        raise ValueError(
            f"--frames: {request.path} holds no animated pictures, no videos and no folders of frames, one for each clip; "
            "leave it out to learn stills"
        )
    return clips


def _number(file: Found) -> tuple[list[int], str]:
    """Frames in the order of the numbers in their names."""
    return [int(digits) for digits in re.findall(r"\d{1,15}", PurePosixPath(file.name).stem)], file.name
