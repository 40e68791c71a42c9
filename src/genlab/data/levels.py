"""Examples out of pictures in memory, levels 0 ... L - 1, resized where asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from genlab.core.space import Space
from genlab.data.examples import Examples, Stored
from genlab.data.options import Options, ProgressCallback, Request

FEW = 32  # levels, of which a photograph uses more
LOOKED_AT, BLOCK = 200, 4096  # pictures


def pictures(request: Request, stored: Stored, levels: int = 256, *words: str, indexed: bool = False) -> Examples:
    """Examples of stored.x (N, C, H, W) uint8 levels.

    words     further kinds of data whose options suit these
    indexed   whether all come from files of numbers into a palette
    """
    request.options.suit(request.name, "pictures", "files", *(("captions",) if any(stored.texts) else ()), *words)
    if not any("of 16 bits" in said for said in stored.noted.odd):  # which makes few levels of many
        found = few_levels(stored.x, levels, "arrays" not in words, indexed)
        stored = replace(stored, noted=replace(stored.noted, odd=(*stored.noted.odd, *found)))
    space = Space(tuple(stored.x.shape[1:]), "CHW", "binary" if levels == 2 else "ordinal", levels)
    return Examples(request, "pictures", space, stored)


def of_maps(x: np.ndarray) -> int:
    """Levels of label maps: one for each number of a class."""
    return max(2, int(x.max()) + 1)


def few_levels(x: np.ndarray, levels: int, files: bool, indexed: bool = False) -> Iterator[str]:
    """What is odd about pictures (N, C, H, W) of integers that use few of their levels; a look at some of them decides whether
    all are looked at.

    files     whether they come from files, which may be label maps
    indexed   whether these hold numbers into a palette, as label maps most often do: whatever its colours are
    """
    if levels <= FEW or not len(x):
        return
    step = -(-len(x) // LOOKED_AT)
    if len(np.unique(x[::step])) > FEW:
        return
    used = np.unique(np.concatenate([np.unique(x[first : first + BLOCK]) for first in range(0, len(x), BLOCK)]))
    if len(used) <= FEW:
        advice = ""
        if indexed:
            advice = "; they are numbers into a palette: if each stands for a class of what is seen, --label-maps learns them"
        elif used.max() < levels // 2:
            advice = f": they will look black; --levels {used.max() + 1} learns them as they are meant"
        elif len(used) == 2:
            advice = "; --binarise threshold learns them as black and white"
        elif files and x.shape[1] == 1:  # colours are no numbers of classes
            advice = "; if each level stands for a class of what is seen: --label-maps"
        yield f"the pictures use {len(used)} of {levels} levels, {used.min()} to {used.max()}{advice}"


def fitted(x: np.ndarray, options: Options, levels: int, progress: ProgressCallback) -> np.ndarray:
    """(N, C, H, W) with the shorter side resized to `options.size` and the middle cut out; unchanged where it has that size.

    Label maps are resized by nearest neighbour, since a level between two classes is a third one.
    """
    size = options.size
    if size is None or x.shape[2:] == (size, size):
        return x
    from PIL import Image

    from genlab.data.decode import square

    how = Image.Resampling.NEAREST if options.label_maps else Image.Resampling.BICUBIC

    def plane(levels: np.ndarray) -> np.ndarray:
        return np.asarray(square(Image.fromarray(levels), size, how))

    out = np.empty((*x.shape[:2], size, size), np.uint8)
    for number, picture in enumerate(x):
        out[number] = [plane(np.ascontiguousarray(channel)) for channel in picture]
        if number % 1000 == 0:
            progress(number, len(x), "resizing")
    progress(len(x), len(x), "resizing")
    return np.minimum(out, levels - 1, out=out)
