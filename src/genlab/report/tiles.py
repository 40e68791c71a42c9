"""Examples as tiles (n, H, W, 3) uint8 that can stand in a grid: pictures, and what sound, video and voxels look like.

Brightness is relative to the data's whole range of levels, or to the mean and deviation of real data, never to a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from genlab.core.space import Space

DEVIATIONS = 2.5  # of real data, from their mean to black or white
WAVE, BANDS, COLUMNS = 40, 56, 192  # pixels: height of a waveform, height of a spectrogram, width of both
WINDOW = 256  # of a spectrum, in the recording's own samples, at most
RANGE = 60.0  # decibels from the loudest to black
FRAMES = 8  # of a clip side by side
SMALLEST = 32  # pixels that small frames and projections are enlarged to, by whole factors
PAPER, INK, LINE = 250, 60, 200  # grey levels of a waveform


def numbers(x: Any) -> np.ndarray:
    """An array of whatever holds numbers; tensors come from their device."""
    return np.asarray(x.detach().cpu() if hasattr(x, "detach") else x)


def across(count: int, most: int) -> int:
    """Columns, at most so many, in which examples fill their rows best: 16 -> 8, 9 -> 5 of at most 8."""
    return -(-count // -(-count // most))


def in_rows(parts: Sequence[Any], columns: int) -> np.ndarray:
    """Several (n, ...) arrays as one, for a grid of so many columns: a row of the first, under it the same of the others.
    A last row that is not full ends dark, so that what belongs together stays below each other."""
    arrays = [numbers(part) for part in parts]
    lacking = -len(arrays[0]) % columns
    whole = [np.concatenate([array, np.full((lacking, *array.shape[1:]), array.min(), array.dtype)]) for array in arrays]
    cut = range(0, len(whole[0]), columns)
    return np.concatenate([array[first : first + columns] for first in cut for array in whole])


def shades(x: Any, space: Space) -> np.ndarray:
    """Examples (n, *shape) in the data's units -> from 0 (black) to 1 (white): integers as a share of the levels, real numbers
    from 2.5 standard deviations below the data's mean to 2.5 above; NaN is black."""
    values = numbers(x).astype(np.float64)
    if space.kind == "real":
        along = (-1, *[1] * (values.ndim - 2))
        center, scale = np.array(space.center or (0.0,)).reshape(along), np.array(space.scale or (1.0,)).reshape(along)
        values = (values - center) / (2 * DEVIATIONS * scale) + 0.5
    else:
        values = values / (space.levels - 1)
    return np.clip(np.nan_to_num(values), 0, 1)


def amplitudes(x: Any, space: Space) -> np.ndarray:
    """Recordings (n, C, T) in the data's units -> from -1 to 1: levels through the space's curve (ITU-T G.711's mu-law,
    continuous, where it is that one), real numbers as they are; NaN is silence."""
    values = numbers(x).astype(np.float64)
    if space.kind != "real":
        values, mu = 2 * values / (space.levels - 1) - 1, space.levels - 1
        if space.curve == "mu-law":
            values = np.sign(values) * np.expm1(np.abs(values) * np.log1p(mu)) / mu
    return np.clip(np.nan_to_num(values), -1, 1)


def levels(x: Any, space: Space) -> np.ndarray:
    """Pictures (n, C, H, W) in the data's units -> (n, H, W, 3)."""
    return _coloured(shades(x, space))


def sounds(x: Any, space: Space) -> np.ndarray:
    """Recordings (n, C, T): the waveform of all channels together above its spectrogram."""
    return np.stack([np.concatenate([_wave(each), _spectrogram(each)]) for each in amplitudes(x, space).mean(1)])


def clips(x: Any, space: Space) -> np.ndarray:
    """Clips (n, F, C, H, W): at most FRAMES of their frames, evenly chosen, from left to right."""
    values = shades(x, space)
    chosen = np.unique(np.linspace(0, values.shape[1] - 1, min(FRAMES, values.shape[1])).round().astype(int))
    frames = [_enlarged(_coloured(values[:, number])) for number in chosen]
    return np.concatenate([_framed(frame) for frame in frames], 2)


def moments(x: Any, space: Space) -> list[np.ndarray]:
    """Clips (n, F, C, H, W) as one (n, H, W, 3) a frame, to be shown one after the other."""
    return [_enlarged(_coloured(frame)) for frame in shades(x, space).swapaxes(0, 1)]


def projections(x: Any, space: Space) -> np.ndarray:
    """Volumes (n, C, D, H, W): the largest entry along depth, height and width, from left to right."""
    values = shades(x, space)
    sides = [_enlarged(_coloured(values.max(axis))) for axis in (2, 3, 4)]
    height = max(side.shape[1] for side in sides)
    fitted = [np.pad(side, ((0, 0), (0, height - side.shape[1]), (0, 0), (0, 0))) for side in sides]
    return np.concatenate([_framed(side) for side in fitted], 2)


def _coloured(values: np.ndarray) -> np.ndarray:
    """(n, C, H, W) from 0 to 1 -> (n, H, W, 3); what has neither one nor three channels is grey, their mean."""
    values = values.transpose(0, 2, 3, 1)
    if values.shape[-1] not in (1, 3):
        values = values.mean(-1, keepdims=True)
    return np.rint(np.repeat(values, 3 // values.shape[-1], axis=-1) * 255).astype(np.uint8)


def _enlarged(tiles: np.ndarray) -> np.ndarray:
    factor = max(1, SMALLEST // max(tiles.shape[1:3]))
    return tiles.repeat(factor, axis=1).repeat(factor, axis=2)


def _framed(tiles: np.ndarray) -> np.ndarray:
    """Tiles with a grey line at the right, where the next one begins."""
    return np.pad(tiles, ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=128)


def _wave(x: np.ndarray) -> np.ndarray:
    """(T,) from -1 to 1 -> (WAVE, COLUMNS, 3): in each column from the lowest to the highest value."""
    parts = np.array_split(x, COLUMNS) if len(x) >= COLUMNS else np.array_split(x.repeat(-(-COLUMNS // len(x))), COLUMNS)
    middle = (WAVE - 1) / 2
    high = np.rint(middle - middle * np.array([part.max() for part in parts]))
    low = np.rint(middle - middle * np.array([part.min() for part in parts]))
    rows = np.arange(WAVE)[:, None]
    drawn = np.where((rows >= high) & (rows <= low), INK, np.where(rows == WAVE // 2, LINE, PAPER))
    return np.repeat(drawn[..., None], 3, -1).astype(np.uint8)


def _spectrogram(x: np.ndarray) -> np.ndarray:
    """(T,) -> (BANDS, COLUMNS, 3): power under Hann windows in decibels, low frequencies below, the loudest white."""
    window = min(WINDOW, max(8, len(x) // 4))
    padded = np.pad(x, (0, max(0, window - len(x))))
    starts = np.linspace(0, len(padded) - window, min(COLUMNS, len(padded) - window + 1)).round().astype(int)
    pieces = np.lib.stride_tricks.sliding_window_view(padded, window)[starts] * np.hanning(window)
    power = np.abs(np.fft.rfft(pieces, axis=1)).T[::-1] ** 2
    decibels = 10 * np.log10(power / max(float(power.max()), 1e-12) + 1e-12)
    grey = np.rint(np.clip(1 + decibels / RANGE, 0, 1) * 255).astype(np.uint8)
    drawn = Image.fromarray(grey).resize((COLUMNS, BANDS), Image.Resampling.BILINEAR)
    return np.repeat(np.asarray(drawn)[..., None], 3, -1)
