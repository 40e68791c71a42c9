"""Examples out of pictures in memory, levels 0 ... L - 1, resized where asked."""

from __future__ import annotations

import numpy as np

from genlab.core.space import Space
from genlab.data.examples import Examples, Stored
from genlab.data.options import ProgressCallback, Request


def pictures(request: Request, stored: Stored, levels: int = 256) -> Examples:
    """Examples of stored.x (N, C, H, W) uint8 levels."""
    request.options.suit(request.name, "pictures", "files", *(("captions",) if any(stored.texts) else ()))
    space = Space(tuple(stored.x.shape[1:]), "CHW", "binary" if levels == 2 else "ordinal", levels)
    return Examples(request, "pictures", space, stored)


def fitted(x: np.ndarray, size: int | None, levels: int, progress: ProgressCallback) -> np.ndarray:
    """(N, C, H, W) with the shorter side resized to `size` and the middle cut out; unchanged where it has that size."""
    if size is None or x.shape[2:] == (size, size):
        return x
    from PIL import Image

    from genlab.data.decode import square

    def plane(levels: np.ndarray) -> np.ndarray:
        return np.asarray(square(Image.fromarray(levels), size))

    out = np.empty((*x.shape[:2], size, size), np.uint8)
    for number, picture in enumerate(x):
        out[number] = [plane(np.ascontiguousarray(channel)) for channel in picture]
        if number % 1000 == 0:
            progress(number, len(x), "resizing")
    progress(len(x), len(x), "resizing")
    return np.minimum(out, levels - 1, out=out)
