"""Tiny sound, video and voxels drawn from formulas, for tests and to try a model of such data in seconds.

tones   a sin(2 pi f t + phi), f one of PITCHES, a uniform on [0.5, 1), phi uniform: (1, 64) real numbers at 800 Hz
clips   a 3 x 3 square that begins anywhere and moves by one pixel a frame, up, down, left or right, around the edges:
        (4, 1, 8, 8) bits. The 256 clips are equally likely and all different, so their entropy is log 256 nats
balls   15 / (1 + exp((|p - c| - r) / 0.4)) rounded, centre c and radius r uniform: (1, 6, 6, 6) of 16 levels
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from genlab.core.space import Space
from genlab.data.drawn import Drawn
from genlab.data.options import Request

SAMPLES, RATE = 64, 800.0  # of a tone; Hz
PITCHES = (50.0, 100.0, 200.0)  # Hz
FRAMES, SIDE, SQUARE = 4, 8, 3
STEPS = ((0, 1), (0, -1), (1, 0), (-1, 0))  # rows and columns a frame
EDGE, LEVELS, SOFT = 6, 16, 0.4  # voxels a side; of an edge


class Tones(Drawn):
    width = 3

    def __init__(self, request: Request):
        super().__init__(request, "sound")
        mean_square = (1 - 0.5**3) / (3 * 0.5) / 2  # E[a^2] E[sin^2]
        self.space = Space((1, SAMPLES), "CT", "real", rate=RATE, center=(0.0,), scale=(math.sqrt(mean_square),))

    def make(self, u: np.ndarray) -> np.ndarray:
        pitch = np.array(PITCHES)[(u[:, 0] * len(PITCHES)).astype(np.int64)]
        angle = 2 * math.pi * (pitch[:, None] * np.arange(SAMPLES) / RATE + u[:, 2:])
        return ((0.5 + 0.5 * u[:, 1:2]) * np.sin(angle)).astype(np.float32)[:, None]


class Clips(Drawn):
    """log_prob (B, 4, 1, 8, 8) -> (B,) nats; entropy in nats."""

    width = 2
    entropy = math.log(SIDE * SIDE * len(STEPS))

    def __init__(self, request: Request):
        super().__init__(request, "video")
        self.space = Space((FRAMES, 1, SIDE, SIDE), "FCHW", "binary", rate=4.0)

    def make(self, u: np.ndarray) -> np.ndarray:
        begin = (u[:, 0] * SIDE * SIDE).astype(np.int64)
        step = np.array(STEPS)[(u[:, 1] * len(STEPS)).astype(np.int64)]
        frame = np.arange(FRAMES)
        row, column = ((start[:, None] + move[:, None] * frame) % SIDE for start, move in zip(
            (begin // SIDE, begin % SIDE), step.T, strict=True))  # fmt: skip
        side = np.arange(SIDE)
        rows, columns = ((side - place[..., None]) % SIDE < SQUARE for place in (row, column))
        return (rows[..., :, None] & columns[..., None, :])[:, :, None].astype(np.uint8)

    def log_prob(self, x: Tensor) -> Tensor:
        """Exact nats, (B,) float64; -inf for what is none of the clips."""
        every = np.stack(np.meshgrid(np.arange(SIDE**2) / SIDE**2, np.arange(len(STEPS)) / len(STEPS)), -1).reshape(-1, 2)
        known = torch.from_numpy(self.make(every + 1e-6)).flatten(1).float()
        distance = torch.cdist(x.flatten(1).float(), known).amin(1)
        return torch.where(distance < 0.5, torch.tensor(-self.entropy, dtype=torch.float64), -math.inf)


class Balls(Drawn):
    width = 4

    def __init__(self, request: Request):
        super().__init__(request, "voxels")
        self.space = Space((1, EDGE, EDGE, EDGE), "CDHW", "ordinal", LEVELS)

    def make(self, u: np.ndarray) -> np.ndarray:
        center, radius = 1 + (EDGE - 3) * u[:, :3], 1 + 1.5 * u[:, 3]
        grid = np.stack(np.meshgrid(*[np.arange(EDGE)] * 3, indexing="ij"), -1)
        apart = np.linalg.norm(grid - center[:, None, None, None], axis=-1)
        inside = 1 / (1 + np.exp((apart - radius[:, None, None, None]) / SOFT))
        return np.rint((LEVELS - 1) * inside).astype(np.uint8)[:, None]


SHAPES: dict[str, Callable[[Request], Drawn]] = {"drawn/tones": Tones, "drawn/clips": Clips, "drawn/balls": Balls}


def read(request: Request) -> Drawn:
    made = SHAPES[request.name](request)
    request.options.suit(made.name, made.kind)
    return made
