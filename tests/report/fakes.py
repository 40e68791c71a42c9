"""Records and media as a comparison would hand them in, with made-up numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from genlab.compare.media import REAL, Media, Neighbour
from genlab.core.space import Space
from genlab.report import pictures

DIGITS = Space((1, 8, 8), "CHW", "ordinal", 17)
COLOUR = Space((3, 20, 31), "CHW", "ordinal", 256)
POINTS = Space((2,), "D", "real", center=(0.0, 0.0), scale=(1.0, 1.0))
TEXT = Space((32,), "T", "token", 3, ("a", "b", " "))
LINES = Space((5,), "T", "token", 3, ("a", "b", "\n"), end=2)
LABEL = Space((), "", "token", 10, tuple("0123456789"))
FAMILIES = {"vae": "autoencoder", "pixelcnn": "autoregressive", "gan": "adversarial", "ddpm": "diffusion"}
PROTOCOL = {"split": "test", "real": 180, "generated": 2000, "features": "classifier", "seed": 0, "weights": "averaged"}


def bits(value: float, claim: str = "lower", how: str = "ELBO", **more: Any) -> dict[str, Any]:
    about = {"given": ["label"], "split": "test", "examples": 180, "of": 180}
    return {"bits_per_dim": value, "claim": claim, "how": how, **about, **more}


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
        row("pixelcnn", bits(1.8632, "exact", "chain rule"), distance(3.42), 1.72),
        row("gan", None, distance(5.77), 0.0042, parameters=3456789),
        row("ddpm", bits(2.0519, "lower", "variational bound"), distance(2.31), 3.9),
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


# A record with everything: name -> quality at the end, spread over seeds, recall, share of copies, bits/dim, claim, seconds.
EVERYTHING = {
    "ddpm": (2.31, 0.08, 0.71, 0.002, 2.05, "lower", 3.9),
    "flow-matching": (2.42, 0.1, 0.74, 0.001, 2.09, "estimate", 1.1),
    "pixelcnn": (3.42, 0.1, 0.69, 0.004, 1.86, "exact", 1.72),
    "gan": (5.77, 0.9, 0.21, 0.12, None, "", 0.0042),
    "vae": (9.31, 0.2, 0.48, 0.0, 2.41, "lower", 0.012),
}
FRECHET = "Fréchet distance (classifier features)"
MORE = {  # title: question, better
    "kernel distance (classifier features)": ("quality", "lower"),
    "sliced Wasserstein distance x 1000": ("quality", "lower"),
    "two-sample accuracy": ("quality", "lower"),
    "precision": ("quality", "higher"),
    "density": ("quality", "higher"),
    "coverage": ("coverage", "higher"),
    "MS-SSIM between samples": ("coverage", "lower"),
    "smallest class share": ("coverage", ""),
    "samples of the class asked for": ("labels", "higher"),
    "accuracy trained on samples": ("labels", "higher"),
}


def spanned(value: float, half: float, asked: str, better: str = "lower", **protocol: Any) -> dict[str, Any]:
    whole = {**PROTOCOL, "features": {"network": "classifier", "hash": "1f3a", "test accuracy": 0.9912}, **protocol}
    said = {"value": value, "low": value - half, "high": value + half, "protocol": whole, "question": asked}
    return said | ({"better": better} if better else {})


def all_scores(name: str, seed: int) -> dict[str, Any]:
    """Every score of one run, and one that could not be taken."""
    quality, spread, recall, copies, *_ = EVERYTHING[name]
    stream = np.random.default_rng([seed, *name.encode()])
    shifted = quality + (spread if seed % 2 else -spread)
    scores = {
        FRECHET: spanned(shifted, 0.04, "quality", seed=seed),
        "recall": spanned(recall + 0.01 * seed, 0.03, "coverage", "higher"),
        "copied training pictures": spanned(copies, 0.4 * copies, "copying"),
        "Parzen window": {
            "value": None,
            "protocol": PROTOCOL,
            "reason": "fewer samples than dimensions",
            "question": "quality",
        },
    }
    for title, (asked, better) in MORE.items():
        value = float(1 / (1 + quality) if better == "higher" else quality / 10) * float(stream.uniform(0.95, 1.05))
        scores[title] = spanned(value, 0.05 * value, asked, better)
    return scores


def course(name: str, seed: int) -> list[dict[str, Any]]:
    """Ten check-ups that come down to the quality at the end."""
    end = EVERYTHING[name][0] * 1.6
    said = []
    for tenth in range(1, 11):
        value = float(end * (1 + 6 * np.exp(-0.55 * tenth)) * (1 + 0.05 * np.sin(3 * tenth + 2 * seed + len(name))))
        score = {"value": value, "low": 0.9 * value, "high": 1.1 * value, "better": "lower"}
        scores = {
            FRECHET: score,
            "recall": {"value": 0.08 if name == "gan" and tenth > 3 else 0.4 + 0.02 * tenth, "better": "higher"},
        }
        said.append({"progress": tenth / 10, "seconds": 3.0 * tenth, "examples": 640 * tenth, "n": 128, "scores": scores})
    return said


def whole_row(name: str, seed: int) -> dict[str, Any]:
    *_, nats, claim, seconds = EVERYTHING[name]
    how = {"lower": "variational bound", "exact": "chain rule", "estimate": "ODE"}
    said = None if nats is None else bits(nats + 0.004 * seed, claim, how[claim], error=0.006)
    speed = {"first_seconds": seconds / 2, "per_second_1": 1 / seconds, "per_second_64": 90 / seconds}
    more = {
        "speed": {**speed, "peak_bytes": 431_000_000 if name != "vae" else None, "operations": 1.3e9 * seconds},
        "train_operations": 4.1e12,
        "steps": 825,
        "quality": course(name, seed),
        "alarms": [],
        "load": {"mean": 1.1 if name != "vae" else 2.9, "max": 3.2},
        "seed": seed,
        "run": f"compare/{name}-{seed}",
    }
    if name == "gan":
        more["alarms"] = [
            {
                "kind": "collapse",
                "progress": 0.4,
                "seconds": 12.0,
                "sentence": "Recall fell from 0.41 to 0.08: the generator draws few kinds of pictures.",
                "remedy": "More R1 penalty (--set model.r1=10), or a smaller step for the critic.",
                "curve": "recall",
                "picture": "alarms/collapse.png",
            }
        ]
    return row(name, said, all_scores(name, seed), seconds) | more


def everything(seeds: int = 2, space: Space = DIGITS) -> dict[str, Any]:
    """A record with every key there is."""
    models = [whole_row(name, seed) for seed in range(seeds) for name in EVERYTHING]
    kinds = MORE | {FRECHET: ("quality", "lower"), "recall": ("coverage", "higher")}
    real = {
        title: spanned(0.05 if better != "higher" else 0.97, 0.02, asked, better) for title, (asked, better) in kinds.items()
    }
    noise = {
        title: spanned(12.0 if better != "higher" else 0.01, 0.02, asked, better) for title, (asked, better) in kinds.items()
    }
    real["copied training pictures"] = spanned(1.0, 0.0, "copying")
    order = "turns of 2 % of the budget each, all models of a seed in turn"
    return record(models, space, skipped=[{"path": "cats/7.jpg", "reason": "image file is truncated"}]) | {
        "budget": {"seconds": 30, "seeds": seeds, "order": order},
        "beside": [
            {"name": "real data", "what": "training examples scored as if they were samples", "scores": real},
            {"name": "noise", "what": "every pixel drawn by itself from its own distribution", "scores": noise},
        ],
    }


def neighbours(space: Space, n: int = 4) -> list[Neighbour]:
    shown = samples(space, 3 * n, 5)
    return [Neighbour(*shown[3 * i : 3 * i + 3], 0.3 + 0.2 * i, i == 0) for i in range(n)]


def all_media(said: dict[str, Any], space: Space = DIGITS) -> dict[str, Media]:
    """Media with everything for a record with everything."""
    proof = pictures.png(Image.new("RGB", (64, 32), (120, 40, 40)))
    made = {
        model["run"]: Media(
            samples(space, 20, i), 7, curve(model["name"]), "averaged weights", neighbours(space), {"collapse": proof}
        )
        for i, model in enumerate(said["models"])
    }
    return {REAL: Media(samples(space, 30, 99)), **made}
