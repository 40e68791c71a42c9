"""Pictures that lie in memory as levels 0 ... L - 1, made into examples: resized if asked for, binarised if asked for."""

from __future__ import annotations

import numpy as np

from genlab.core.space import Space
from genlab.data.binary import Binariser
from genlab.data.examples import Examples, Stored
from genlab.data.options import Progress, Request

NOT_FOR_PICTURES = ("length", "lines")


def pictures(request: Request, stored: Stored, levels: int = 256) -> Examples:
    """Examples of stored.x (N, C, H, W) uint8 levels."""
    request.options.refuse(request.name, "pictures", *NOT_FOR_PICTURES, *(() if any(stored.texts) else ("vocabulary",)))
    how = request.options.binarise
    if how is not None and levels == 2:
        raise ValueError(f"{request.name} is black and white already; leave --binarise out")
    binary = how is not None or levels == 2
    shape = tuple(stored.x.shape[1:])
    space = Space(
        shape, "CHW", "binary" if binary else "ordinal", 2 if binary else levels, note=f"binarised: {how}" if how else ""
    )
    made = Examples(request, "pictures", space, stored)
    if how is not None:
        made.binarised(Binariser(how, levels))
    return made


def fitted(x: np.ndarray, size: int | None, levels: int, progress: Progress) -> np.ndarray:
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
