"""Arrays of numpy: pictures, or points.

.npz    pictures as `x` (N, H, W, C), (N, C, H, W) or (N, H, W), with `axes` ("NHWC", "NCHW", "NHW") and `levels` beside, and
        `label` where there are classes, as `genlab sample --out FILE.npz` writes them. Points as `x` (N, D).
.npy    the same x alone
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping

import numpy as np

from genlab.data import splits
from genlab.data.base import Opened
from genlab.data.examples import Stored, classed
from genlab.data.levels import fitted, pictures
from genlab.data.options import Request
from genlab.data.table import points

CHANNELS = (1, 3)
ORDERS = {"NCHW": (0, 1, 2, 3), "NHWC": (0, 3, 1, 2)}
WANTED = "pictures are x (N, H, W, C), (N, C, H, W) or (N, H, W) of whole numbers, points x (N, D)"


def read(request: Request) -> Opened:
    arrays = _arrays(request)
    if "x" not in arrays:
        raise ValueError(f"{request.source} has no array called x (it has {', '.join(arrays) or 'none'}); {WANTED}")
    x = arrays["x"]
    labels, classes = _classes(request, arrays, len(x) if x.ndim else 0)
    if x.ndim == 2 and "axes" not in arrays:
        if x.dtype.kind not in "fiu":
            raise ValueError(f"{request.source}: x is of type {x.dtype}; points are numbers")
        return points(request, x, labels, classes, ())
    levels = _levels(request, arrays, x)
    stacked = _channels_first(request, x, str(arrays["axes"]) if "axes" in arrays else "")
    stacked = np.ascontiguousarray(stacked.astype(np.uint8))
    stacked = fitted(stacked, request.options.size, levels, request.progress)
    return pictures(request, Stored(stacked, splits.digests(stacked), labels, classes), levels)


def _arrays(request: Request) -> Mapping[str, np.ndarray]:
    try:
        with request.path.open("rb") as file:
            content = np.load(file, allow_pickle=False)
            return {"x": content} if isinstance(content, np.ndarray) else {name: content[name] for name in content.files}
    except (ValueError, EOFError, OSError, KeyError, zipfile.BadZipFile) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        objects = "python objects" if "pickle" in str(error).lower() else f"damaged: {error}"
        raise ValueError(f"{request.source} is no file of plain arrays ({objects}); {WANTED}") from None


def _classes(request: Request, arrays: Mapping[str, np.ndarray], count: int) -> tuple[np.ndarray | None, tuple[str, ...]]:
    values = next((arrays[name] for name in ("label", "labels", "y") if name in arrays), None)
    if values is None:
        return None, ()
    if values.shape != (count,):
        raise ValueError(f"{request.source}: labels of shape {values.shape} for {count} examples; give one number or word each")
    return classed(values)


def _levels(request: Request, arrays: Mapping[str, np.ndarray], x: np.ndarray) -> int:
    """Levels of the pictures: those that the file states, else 2 for booleans and 256 for integers."""
    if x.dtype.kind not in "biu":
        raise ValueError(
            f"{request.source}: pictures are whole numbers from 0, x is of type {x.dtype}; "
            "save (x * 255).round().astype('uint8') if it runs from 0 to 1"
        )
    levels = int(arrays["levels"]) if "levels" in arrays else 2 if x.dtype.kind == "b" else 256
    if not 2 <= levels <= 256:
        raise ValueError(f"{request.source}: levels must be from 2 to 256, got {levels}")
    if x.size and not 0 <= int(x.min()) <= int(x.max()) < levels:
        raise ValueError(f"{request.source}: x runs from {x.min()} to {x.max()}, {levels} levels from 0 to {levels - 1}")
    return levels


def _channels_first(request: Request, x: np.ndarray, axes: str) -> np.ndarray:
    """(N, C, H, W)."""
    if x.ndim == 3 and axes in ("", "NHW"):
        return x[:, None]
    if x.ndim != 4 or (axes and axes not in ORDERS):
        with_axes = f" with axes {axes!r}" if axes else ""
        raise ValueError(f"{request.source}: x has the shape {x.shape}{with_axes}; {WANTED}")
    if not axes:
        fitting = [order for order, places in ORDERS.items() if x.shape[places[1]] in CHANNELS]
        if len(fitting) != 1:
            raise ValueError(
                f"{request.source}: x has the shape {x.shape}, which dimension is colour? Save axes='NHWC' or 'NCHW' beside x"
            )
        axes = fitting[0]
    turned = x.transpose(ORDERS[axes])
    if turned.shape[1] not in CHANNELS:
        raise ValueError(f"{request.source}: pictures of {turned.shape[1]} channels; give 1 (grey) or 3 (red, green, blue)")
    return turned
