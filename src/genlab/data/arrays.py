"""Arrays of numpy: pictures, points, recordings, clips or volumes.

.npz    pictures as `x` (N, H, W, C), (N, C, H, W) or (N, H, W), with `axes` ("NHWC", "NCHW", "NHW") and `levels` beside;
        points as `x` (N, D); `label` where there are classes, and their `names`, as `genlab sample --out FILE.npz` writes them
        recordings, clips and volumes as x with `axes`: "NCT", "NFCHW", "NCDHW", or without C where there is one channel
        `text` beside them: a caption each; `texts` (N,) beside the tokens x, as samples of texts have, alone count
        `source` beside x: the example that each was made from, with `source_axes` and `source_levels`
        arrays of other names where only one reading fits: `named` says which
.npy    the same x alone; `Options.axes` names its axes
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from genlab.core.kinds import SOUND, VIDEO, VOXELS, DataKind
from genlab.core.space import Space
from genlab.data import splits
from genlab.data.base import Opened
from genlab.data.bounds import most_of
from genlab.data.examples import NO_LABEL, Examples, Stored, classed
from genlab.data.levels import fitted, of_maps, pictures
from genlab.data.named import named
from genlab.data.options import Request
from genlab.data.overview import Overview
from genlab.data.paired import SOURCE, Paired
from genlab.data.table import points
from genlab.data.text import learnt

CHANNELS = (1, 3)
ORDERS = {"NCHW": (0, 1, 2, 3), "NHWC": (0, 3, 1, 2)}
LISTED = 8  # arrays in a message
TEXTS, CAPTIONS = "texts", "text"
NAMES = "names"  # of the classes, in the order of their numbers
WANTED = "pictures are x (N, H, W, C), (N, C, H, W) or (N, H, W) of whole numbers, points x (N, D)"


def read(request: Request) -> Opened:
    arrays = _arrays(request)
    examples, source = _read(request, arrays), arrays.get(SOURCE)
    if "x" not in arrays or source is None or source.ndim < 2 or len(source) != len(arrays["x"]):
        return examples
    beside = {name: arrays[f"{SOURCE}_{name}"] for name in ("axes", "levels") if f"{SOURCE}_{name}" in arrays}
    bare = replace(request, name=f"the array {SOURCE}", options=replace(request.options, axes=None, levels=None))
    return Paired.within(examples, _read(bare, {"x": source, **beside}), request)


def _read(request: Request, arrays: Mapping[str, np.ndarray]) -> Opened:
    if _words(arrays.get(TEXTS)) and ("x" not in arrays or arrays["x"].ndim == 2):
        lines = request.options.lines or bool(arrays.get("lines", False))
        return learnt(replace(request, options=replace(request.options, lines=lines)), arrays[TEXTS].tolist())
    found = named(arrays)
    if found is None:
        listed = ", ".join(f"{name} {array.shape}" for name, array in list(arrays.items())[:LISTED]) or "none"
        raise ValueError(f"{request.source} has no array called x (it has {listed}); {WANTED}")
    arrays, own = found.arrays, found.own
    x = arrays["x"]
    labels, classes, classes_from = _classes(request, arrays, len(x) if x.ndim else 0, found.label)
    splits_from = "the arrays' names" + splits.completion(own) if own is not None else "by content"
    texts = arrays[CAPTIONS].tolist() if _words(arrays.get(CAPTIONS)) and len(arrays[CAPTIONS]) == len(x) else []
    texts_from = f"the array {CAPTIONS}" if texts else ""
    noted = Overview(found=found.said, classes_from=classes_from, splits_from=splits_from, texts_from=texts_from)
    stored = partial(Stored, labels=labels, classes=classes, own=own, noted=noted, texts=texts)
    axes = request.options.axes or (str(arrays["axes"]) if "axes" in arrays else "")
    if not x.size:
        raise ValueError(f"{request.source} has the shape {x.shape}, nothing to learn from; {WANTED}")
    if (kind := _kind(axes)) is not None:
        return _other(request, arrays, x, axes, kind, stored)
    if x.ndim == 2 and not axes:
        if x.dtype.kind not in "fiu":
            raise ValueError(f"{request.source}: x is of type {x.dtype}; points are numbers")
        return points(request, x.astype(np.float64), labels, classes, (), noted, own=own)
    if x.ndim < 2 and x.dtype.kind in "fiu":
        raise ValueError(f"{request.source}: x has the shape {x.shape}; save points of one coordinate as x[:, None]")
    levels = _levels(request, arrays, x)
    stacked = _channels_first(request, x, axes)
    if levels > 256:
        stacked = (stacked.astype(np.int64) * 255 + (levels - 1) // 2) // (levels - 1)
    stacked = np.ascontiguousarray(stacked.astype(np.uint8))
    levels = min(levels, 256)
    stacked = fitted(stacked, request.options, levels, request.progress)
    return pictures(request, stored(stacked, splits.digests(stacked)), levels, "arrays")


def _words(array: np.ndarray | None) -> bool:
    """Whether an array holds words, in one row."""
    return array is not None and array.ndim == 1 and array.dtype.kind == "U"


def _kind(axes: str) -> DataKind | None:
    """The kind of sound, video or voxels whose axes these are, in whatever order, its channels left out or not."""
    letters = sorted(axes.removeprefix("N"))
    for kind in (SOUND, VIDEO, VOXELS):
        if axes.startswith("N") and letters in (sorted(kind.axes), sorted(kind.axes.replace("C", ""))):
            return kind
    return None


def _other(
    request: Request,
    arrays: Mapping[str, np.ndarray],
    x: np.ndarray,
    axes: str,
    kind: DataKind,
    stored: Callable[[np.ndarray, np.ndarray], Stored],
) -> Opened:
    """Recordings, clips or volumes: levels where the array holds whole numbers, real numbers otherwise.

    stored   the examples x with their digests, and what else is known of them
    """
    if x.ndim != len(axes):
        raise ValueError(f"{request.source}: x has the shape {x.shape}, which the axes {axes!r} do not name")
    if "C" not in axes:
        x, axes = x[:, None], f"NC{axes[1:]}"
    x = np.ascontiguousarray(x.transpose([axes.index(letter) for letter in f"N{kind.axes}"]))
    request.options.suit(request.name, kind.name, "files", "arrays", "pictures")
    rate = _number(request, arrays, "rate")
    curve = "mu-law" if "curve" in arrays and str(arrays["curve"]) == "mu-law" else "linear"
    if x.dtype.kind != "f":
        levels = _levels(request, arrays, x)
        if levels > 256:
            raise ValueError(
                f"{request.source}: {kind.examples} of {levels:,} levels; 256 can be learnt: scale them, or save floats"
            )
        x = x.astype(np.uint8)
        space = Space(x.shape[1:], kind.axes, "binary" if levels == 2 else "ordinal", levels, rate=rate, curve=curve)
        return Examples(request, kind.name, space, stored(x, splits.digests(x)))
    if not np.isfinite(x).all():
        raise ValueError(f"{request.source}: x holds numbers that are not finite; mend them")
    x = x.astype(np.float32)
    bare = Space(x.shape[1:], kind.axes, "real", rate=rate)
    made = Examples(request, kind.name, bare, stored(x, splits.digests(x)))
    train = x[made.numbers("train")].astype(np.float64)
    made.space = replace(bare, center=(float(train.mean()),), scale=(float(train.std()) or 1.0,))
    return made


def _number(request: Request, arrays: Mapping[str, np.ndarray], name: str) -> float | None:
    """The one number in the array of this name; None where there is none."""
    if name not in arrays:
        return None
    value = arrays[name]
    if value.size != 1 or value.dtype.kind not in "fiu" or not np.isfinite(value).all():
        raise ValueError(f"{request.source}: {name} is one number, got {value.dtype} of shape {value.shape}")
    return float(value.reshape(-1)[0])


def _arrays(request: Request) -> Mapping[str, np.ndarray]:
    try:
        with request.path.open("rb") as file:
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return {"x": content}
            most = most_of(request.path.stat().st_size)
            if sum(member.file_size for member in content.zip.infolist()) <= most:
                return {name: content[name] for name in content.files}
    except Exception as error:  # whatever numpy, its parser of headers, zipfile and zlib raise about a broken file
        if isinstance(error, OSError) and error.filename is not None:
            raise
        objects = (
            "python objects; save each array with a dtype of its own, as label.astype(str)"
            if "pickle" in str(error).lower()
            else f"damaged: {str(error)[:200]}"
        )
        raise ValueError(f"{request.source} is no file of plain arrays ({objects}); {WANTED}") from None
    raise ValueError(
        f"{request.source} unpacks to more than {most:,} bytes, far beyond its size; if it should, save it with numpy.savez, "
        "which packs nothing"
    )


def _classes(
    request: Request, arrays: Mapping[str, np.ndarray], count: int, name: str
) -> tuple[np.ndarray | None, tuple[str, ...], str]:
    """(numbers of the classes, their names, where they come from). name: of the array of labels, or ""."""
    if not name:
        return None, (), "there is no array of labels"
    values, said = arrays[name], f"the array {name}"
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    elif values.ndim == 2 and len(values) == count and _one_hot(values):
        values, said = values.argmax(1), f"the array {name}, one-hot"
    if values.shape != (count,):
        raise ValueError(f"{request.source}: labels of shape {values.shape} for {count} examples; give one number or word each")
    if values.dtype.kind == "f" and (values[np.isfinite(values)] % 1).any():
        raise ValueError(
            f"{request.source}: {name} holds measurements ({values[0]:.3g}, ...), no classes; leave it out of the file, "
            "or learn it as a column of x"
        )
    if NAMES not in arrays:
        return *classed(values), said
    names = tuple(str(each) for each in arrays[NAMES].reshape(-1).tolist())
    numbers = values.astype(np.int64) if values.dtype.kind in "iu" else np.empty(0)
    if len(numbers) != count or (count and not -1 <= int(numbers.min()) <= int(numbers.max()) < len(names)):
        raise ValueError(f"{request.source}: {name} are no numbers of the {len(names)} {NAMES}, from 0, or -1 for no label")
    if len(set(names)) < len(names) or set(names) & set(NO_LABEL):
        raise ValueError(f"{request.source}: {NAMES} are the names of the classes, each once")
    return numbers, names, said


def _one_hot(values: np.ndarray) -> bool:
    return values.shape[1] > 1 and bool(((values == 0) | (values == 1)).all() and (values.sum(1) == 1).all())


def _levels(request: Request, arrays: Mapping[str, np.ndarray], x: np.ndarray) -> int:
    """Levels of the pictures: those that the user or the file states, else 2 for booleans and 256 for integers."""
    if x.dtype.kind not in "biu":
        raise ValueError(f"{request.source}: pictures are whole numbers from 0, x is of type {x.dtype}{_remedy(x)}")
    stated = _number(request, arrays, "levels")
    if request.options.label_maps and x.dtype.kind != "b":
        stated = of_maps(x)
        if stated > 256:
            raise ValueError(f"{request.source}: label maps number at most 256 classes from 0, x runs to {stated - 1:,}")
    levels = request.options.levels or int(2 if x.dtype.kind == "b" else 256 if stated is None else stated)
    if not 2 <= levels <= 65536:
        raise ValueError(f"{request.source}: levels must be from 2 to 65,536, got {levels}")
    if x.size and not 0 <= int(x.min()) <= int(x.max()) < levels:
        low, high = int(x.min()), int(x.max())
        if low < 0:
            remedy = f"; add {-low} to x" if high - low < 256 else ""
        else:
            full = 1 << high.bit_length()
            remedy = f"; say --levels {full} (white is {full - 1:,}) or save levels={full} beside x" if full <= 65536 else ""
        raise ValueError(f"{request.source}: x runs from {low:,} to {high:,}, {levels} levels from 0 to {levels - 1:,}{remedy}")
    return levels


def _remedy(x: np.ndarray) -> str:
    """What to do with pictures of floating point numbers."""
    if x.dtype.kind != "f" or not x.size:
        return ""
    lost = int(np.isnan(x).sum())
    if lost:
        return f", and {lost:,} of its entries are NaN; fill or cut them, then save whole numbers"
    low, high = float(x.min()), float(x.max())
    ways = (((0, 1), "x * 255"), ((-1, 1), "(x + 1) * 127.5"), ((0, 255), "x"), ((0, 65535), "x / 257"))
    way = next((way for (least, most), way in ways if least <= low and high <= most), None)
    runs = f" and runs from {low:.3g} to {high:.3g}"
    return f"{runs}; save ({way}).round().astype('uint8')" if way else f"{runs}; scale it to 0 ... 255 and save whole numbers"


def _channels_first(request: Request, x: np.ndarray, axes: str) -> np.ndarray:
    """(N, C, H, W)."""
    if x.ndim == 3 and axes in ("", "NHW"):
        return x[:, None]
    if x.ndim == 5 and not axes:
        raise ValueError(
            f"{request.source}: x has the shape {x.shape}; what are its dimensions? Say --axes NCDHW or NDHWC (volumes), NFCHW "
            "or NFHWC (clips), or save axes beside x"
        )
    if x.ndim != 4 or (axes and axes not in ORDERS):
        with_axes = f" with axes {axes!r}" if axes else ""
        raise ValueError(f"{request.source}: x has the shape {x.shape}{with_axes}; {WANTED}")
    if not axes:
        fitting = [order for order, places in ORDERS.items() if x.shape[places[1]] in CHANNELS]
        if not fitting and x.shape[3] == 4:
            raise ValueError(f"{request.source}: x has the shape {x.shape}, pictures with transparency; save x[..., :3]")
        if not fitting and x.shape[2] in CHANNELS:
            raise ValueError(
                f"{request.source}: x has the shape {x.shape}; if the last is the examples, save x.transpose(3, 0, 1, 2)"
            )
        if len(fitting) != 1:
            raise ValueError(
                f"{request.source}: x has the shape {x.shape}; what are its dimensions? Say --axes NHWC or NCHW (pictures), "
                "NDHW (volumes), NFHW (clips), or save axes beside x"
            )
        axes = fitting[0]
    turned = x.transpose(ORDERS[axes])
    if turned.shape[1] not in CHANNELS:
        raise ValueError(f"{request.source}: pictures of {turned.shape[1]} channels; give 1 (grey) or 3 (red, green, blue)")
    return turned
