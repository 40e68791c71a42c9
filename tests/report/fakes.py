"""Records and media as a comparison would hand them in, with made-up numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from genlab.core.space import Space
from genlab.report import REAL, Media

DIGITS = Space((1, 8, 8), "CHW", "ordinal", 17)
COLOUR = Space((3, 20, 31), "CHW", "ordinal", 256)
POINTS = Space((2,), "D", "real", center=(0.0, 0.0), scale=(1.0, 1.0))
TEXT = Space((32,), "T", "token", 3, ("a", "b", " "))
LINES = Space((5,), "T", "token", 3, ("a", "b", "\n"), end=2)
LABEL = Space((), "", "token", 10, tuple("0123456789"))
FAMILIES = {"vae": "autoencoder", "pixelcnn": "autoregressive", "gan": "adversarial", "ddpm": "diffusion"}
PROTOCOL = {"split": "test", "real": 180, "generated": 2000, "features": "classifier", "seed": 0, "weights": "averaged"}


def bits(value: float, claim: str = "lower", how: str = "ELBO, given label", **more: Any) -> dict[str, Any]:
    return {"bits_per_dim": value, "claim": claim, "how": how, "split": "test", "examples": 180, "of": 180, **more}


def distance(value: float | None, **protocol: Any) -> dict[str, Any]:
    return {"Fréchet distance": {"value": value, "protocol": PROTOCOL | protocol, "better": "lower"}}


def row(name: str, likelihood: Any = None, scores: Any = None, speed: float | None = 0.5, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "family": FAMILIES.get(name, "other"),
        "parameters": 212345,
        "train_seconds": 30.02,
        "examples_seen": 52800,
        "likelihood": likelihood,
        "sample_seconds_per_100": speed,
        "scores": scores or {},
        "run": f"compare/{name}",
        **more,
    }


def four() -> list[dict[str, Any]]:
    return [
        row("vae", bits(2.4137), distance(9.31), 0.012, parameters=1234567),
        row("pixelcnn", bits(1.8632, "exact", "chain rule, given label"), distance(3.42), 1.72),
        row("gan", None, distance(5.77), 0.0042, parameters=3456789),
        row("ddpm", bits(2.0519, "lower", "variational bound, given label"), distance(2.31), 3.9),
    ]


def record(models: list[dict[str, Any]], space: Space = DIGITS, **data: Any) -> dict[str, Any]:
    return {
        "data": {
            "name": "digits",
            "source": "digits",
            "space": space.to_json(),
            "given": {"label": LABEL.to_json()},
            "counts": {"train": 1437, "validation": 180, "test": 180},
            "skipped": [],
            **data,
        },
        "budget": {"seconds": 30, "seeds": 1},
        "models": models,
        "command": "genlab compare digits --seconds 30",
        "versions": {"genlab": "0.1.0", "torch": "2.13.0"},
        "machine": "2 cores, no GPU",
        "written": "2025-11-01 12:00",
    }


def samples(space: Space, n: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    if space.kind == "real":
        return generator.normal(size=(n, *space.shape)).astype(np.float32)
    return generator.integers(0, space.levels, (n, *space.shape)).astype(np.uint8 if space.picture else np.int64)


def curve(name: str, points: int = 60) -> list[tuple[float, str, float]]:
    seconds = np.linspace(0.5, 30, points)
    return [
        (float(s), f"{name}.{reading}", float(start / s)) for reading, start in (("loss", 3.0), ("kl", 1.0)) for s in seconds
    ]


def media(models: list[dict[str, Any]], space: Space = DIGITS) -> dict[str, Media]:
    made = {model["run"]: Media(samples(space, 20, i), 7, curve(model["name"])) for i, model in enumerate(models)}
    return {REAL: Media(samples(space, 30, 99)), **made}
