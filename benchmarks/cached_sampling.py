"""Sampling with caches against running the same network on the canvas once a pixel.

    python -m benchmarks.cached_sampling [--json FILE]

Both draw by inverse cumulated probabilities from the same uniforms. The slow way is timed on some of the pixels, evenly spread
over the canvas, and scaled to all of them (--pixels 784 times every one). For gpt it reads no more of the canvas than the
places before the pixel, so that its average cost is half that of the whole. Weights are random: the cost does not depend on
them. That both ways draw the same pixels is checked in float64, every pixel by both.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import torch

from benchmarks.common import report
from genlab.core.model import Model
from genlab.core.noise import Noise
from genlab.core.space import Space
from genlab.maths.densities import categorical_quantile
from genlab.models.autoregressive.gpt import GPT
from genlab.models.autoregressive.pixelcnn import PixelCNN
from genlab.recipes.make import build, recipe_for
from genlab.samplers.tokens import Predict, token_by_token


def reader(model: Model, rows: int, cached: bool) -> Predict:
    assert isinstance(model, GPT | PixelCNN)
    return model.reader(rows, {}, cached=cached)


def made(name: str, space: Space) -> Model:
    """The default network with weights that let every pixel matter to those after it."""
    model = build(recipe_for(name, space, {}), space, {})
    torch.manual_seed(0)
    for value in model.parameters():
        if value.ndim > 1:
            torch.nn.init.normal_(value, std=value.shape[-1] ** -0.5)
    return model.requires_grad_(False).eval()


def cached_seconds(predict: Predict, blank: torch.Tensor, u: torch.Tensor) -> float:
    since = time.perf_counter()
    *_, _ = token_by_token(predict, blank, u)
    return time.perf_counter() - since


def naive_seconds(predict: Predict, x: torch.Tensor, u: torch.Tensor, pixels: int) -> float:
    """Of all pixels, from the time of `pixels` of them."""
    places = [(2 * k + 1) * x.shape[1] // (2 * pixels) for k in range(pixels)]
    predict(places[0], x)  # warms up
    since = time.perf_counter()
    for t in places:
        categorical_quantile(u[:, t], predict(t, x))
    return (time.perf_counter() - since) * x.shape[1] / pixels


def agree(model: Model, space: Space, rows: int) -> str:
    """Whether both ways draw the same pixels in float64."""
    double = model.double()
    blank = torch.zeros(rows, space.size, dtype=torch.int64)
    u = Noise(1, rows, dtype=torch.float64).uniform((space.size,))
    (fast,), (slow,) = (list(token_by_token(reader(double, rows, cached), blank, u)) for cached in (True, False))
    assert len(fast.unique()) > 1
    return "yes" if torch.equal(fast, slow) else "no"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=28, help="pixels a side")
    parser.add_argument("--levels", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--pixels", type=int, default=28, help="of which the slow way is timed")
    parser.add_argument("--check", type=int, default=1, help="rows drawn both ways in float64; 0 leaves it out")
    parser.add_argument("--models", default="gpt,pixelcnn")
    parser.add_argument("--json")
    said = parser.parse_args(arguments)
    space = Space((1, said.size, said.size), "CHW", "binary" if said.levels == 2 else "ordinal", said.levels)
    blank = torch.zeros(said.batch, space.size, dtype=torch.int64)
    u = Noise(0, said.batch).uniform((space.size,))
    rows = []
    for name in said.models.split(","):
        model = made(name, space)
        count = sum(value.numel() for value in model.parameters())
        with torch.no_grad():
            fast = min(cached_seconds(reader(model, said.batch, True), blank, u) for _ in range(2))
            slow = naive_seconds(reader(model, said.batch, False), blank, u, said.pixels)
            same = agree(model, space, said.check) if said.check else None
        rows.append(
            {"model": name, "parameters": count, "cached s": fast, "naive s": slow, "ratio": slow / fast, "same pixels": same}
        )
    canvas = f"{said.size} x {said.size}, {said.levels} levels, batch {said.batch}"
    report("cached_sampling", rows, said.json, canvas=canvas, naive=f"{said.pixels} of {space.size} pixels timed, scaled")


if __name__ == "__main__":
    main()
