"""Records and media as a comparison would hand them in, with made-up numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from genlab.comparison.media import REAL, Media, Neighbour
from genlab.comparison.rows import Baseline, DataSummary, Load, Record, Row, Skipped, Terms
from genlab.core.model import Claim
from genlab.core.space import Space
from genlab.measure.alarms import Alarm, Checkup
from genlab.measure.likelihood import Likelihood, Unit
from genlab.measure.score import Score
from genlab.measure.speed import Speed
from genlab.report import pictures

DIGITS = Space((1, 8, 8), "CHW", "ordinal", 17)
COLOUR = Space((3, 20, 31), "CHW", "ordinal", 256)
POINTS = Space((2,), "D", "real", center=(0.0, 0.0), scale=(1.0, 1.0))
TEXT = Space((32,), "T", "token", 3, ("a", "b", " "))
LINES = Space((5,), "T", "token", 3, ("a", "b", "\n"), end=2)
LABEL = Space((), "", "token", 10, tuple("0123456789"))
FAMILIES = {"vae": "autoencoder", "pixelcnn": "autoregressive", "gan": "adversarial", "ddpm": "diffusion"}
PROTOCOL = {"split": "test", "real": 180, "generated": 2000, "features": "classifier", "seed": 0, "weights": "averaged"}


def bits(
    value: float,
    claim: Claim = "lower",
    how: str = "ELBO",
    given: tuple[str, ...] = ("label",),
    error: float = 0.0,
    note: str = "",
) -> Likelihood:
    """Of 180 digits of 64 pixels, in bits/dim."""
    nats, spread = value * math.log(2), error * math.log(2)
    return Likelihood(64 * nats, 64 * spread, nats, spread, claim, how, "bits_per_dim", "test", 180, 180, 0, note, given)


def nats(value: float, unit: Unit = "nats", claim: Claim = "exact", how: str = "chain rule", note: str = "") -> Likelihood:
    return Likelihood(value, math.nan, value, math.nan, claim, how, unit, "test", 180, 180, 0, note)


def score(value: float | None, better: Any = "lower", question: str = "", **more: Any) -> Score:
    return Score("", value, **{"protocol": {"how": "p"}, **more}, better=better, question=question)


def distance(value: float | None, better: Any = "lower", **protocol: Any) -> dict[str, Score]:
    return {"Fréchet distance": score(value, better, protocol=PROTOCOL | protocol)}


def row(
    name: str,
    likelihood: Likelihood | None = None,
    scores: dict[str, Score] | None = None,
    seconds: float | None = 0.5,
    **more: Any,
) -> Row:
    usual = {"parameters": 212345, "train_seconds": 30.02, "examples_seen": 52800, "run": f"compare/{name}"}
    said = {"likelihood": likelihood, "scores": scores or {}, "sample_seconds_per_100": seconds}
    return Row(**{"name": name, "family": FAMILIES.get(name, "other"), **said, **usual, **more})


def four() -> list[Row]:
    return [
        row("vae", bits(2.4137), distance(9.31), 0.012, parameters=1234567),
        row("pixelcnn", bits(1.8632, "exact", "chain rule"), distance(3.42), 1.72),
        row("gan", None, distance(5.77), 0.0042, parameters=3456789),
        row("ddpm", bits(2.0519, "lower", "variational bound"), distance(2.31), 3.9),
    ]


def record(rows: Sequence[Row], space: Space = DIGITS, baselines: Sequence[Baseline] = (), **data: Any) -> Record:
    said = {"name": "digits", "source": "digits", "fingerprint": "1f3a", "given": {"label": LABEL}, **data}
    counts = {"train": 1437, "validation": 180, "test": 180}
    return Record(
        DataSummary(space=space, counts=counts, **said),
        Terms("seconds", 30),
        tuple(rows),
        tuple(baselines),
        command="genlab compare digits --seconds 30",
        versions={"genlab": "0.1.0", "torch": "2.13.0"},
        machine="2 cores, no GPU",
        written="2025-11-01 12:00",
    )


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


def media(rows: Sequence[Row], space: Space = DIGITS) -> dict[str, Media]:
    made = {row.run: Media(samples(space, 20, i), 7, curve(row.name)) for i, row in enumerate(rows)}
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


def spanned(value: float, half: float, asked: str, better: Any = "lower", **protocol: Any) -> Score:
    whole = {**PROTOCOL, "features": {"network": "classifier", "hash": "1f3a", "test accuracy": 0.9912}, **protocol}
    return score(value, better or None, asked, low=value - half, high=value + half, protocol=whole)


def all_scores(name: str, seed: int) -> dict[str, Score]:
    """Every score of one run, and one that could not be taken."""
    quality, spread, recall, copies, *_ = EVERYTHING[name]
    stream = np.random.default_rng([seed, *name.encode()])
    shifted = quality + (spread if seed % 2 else -spread)
    scores = {
        FRECHET: spanned(shifted, 0.04, "quality", seed=seed),
        "recall": spanned(recall + 0.01 * seed, 0.03, "coverage", "higher"),
        "copied training pictures": spanned(copies, 0.4 * copies, "copying"),
        "Parzen window": score(None, None, "quality", protocol=PROTOCOL, reason="fewer samples than dimensions"),
    }
    for title, (asked, better) in MORE.items():
        value = float(1 / (1 + quality) if better == "higher" else quality / 10) * float(stream.uniform(0.95, 1.05))
        scores[title] = spanned(value, 0.05 * value, asked, better)
    return {title: replace(said, name=title) for title, said in scores.items()}


def course(name: str, seed: int) -> tuple[Checkup, ...]:
    """Ten check-ups that come down to the quality at the end."""
    end = EVERYTHING[name][0] * 1.6
    said = []
    for tenth in range(1, 11):
        value = float(end * (1 + 6 * np.exp(-0.55 * tenth)) * (1 + 0.05 * np.sin(3 * tenth + 2 * seed + len(name))))
        scores = {
            FRECHET: Score(FRECHET, value, {}, "lower", low=0.9 * value, high=1.1 * value),
            "recall": Score("recall", 0.08 if name == "gan" and tenth > 3 else 0.4 + 0.02 * tenth, {}, "higher"),
        }
        said.append(Checkup(tenth / 10, 3.0 * tenth, 640 * tenth, 128, scores))
    return tuple(said)


def whole_row(name: str, seed: int) -> Row:
    *_, nats, claim, seconds = EVERYTHING[name]
    how = {"lower": "variational bound", "exact": "chain rule", "estimate": "ODE"}
    said = None if nats is None else bits(nats + 0.004 * seed, claim, how[claim], error=0.006)
    peak = 431_000_000 if name != "vae" else 1_000
    speed = Speed(90 / seconds, 256, round(1.3e9 * seconds), peak, 8)
    alarm = Alarm(
        "collapse",
        0.4,
        12.0,
        "Recall fell from 0.41 to 0.08: the generator draws few kinds of pictures.",
        "More R1 penalty (--set model.r1=10), or a smaller step for the discriminator.",
        "recall",
    )
    return row(
        name,
        said,
        all_scores(name, seed),
        seconds,
        speed=speed,
        train_operations=4.1e12,
        checkups=course(name, seed),
        alarms=(alarm,) if name == "gan" else (),
        load=Load(1.1 if name != "vae" else 2.9, 3.2),
        seed=seed,
        run=f"compare/{name}-{seed}",
    )


def everything(seeds: int = 2, space: Space = DIGITS) -> Record:
    """A record with every field there is."""
    rows = [whole_row(name, seed) for seed in range(seeds) for name in EVERYTHING]
    kinds = MORE | {FRECHET: ("quality", "lower"), "recall": ("coverage", "higher")}
    real = {
        title: spanned(0.05 if better != "higher" else 0.97, 0.02, asked, better) for title, (asked, better) in kinds.items()
    }
    noise = {
        title: spanned(12.0 if better != "higher" else 0.01, 0.02, asked, better) for title, (asked, better) in kinds.items()
    }
    real["copied training pictures"] = spanned(1.0, 0.0, "copying")
    baselines = [
        Baseline("real data", "training examples scored as if they were samples", _named(real)),
        Baseline("noise", "each pixel drawn independently from the values it has in the data", _named(noise)),
    ]
    order = "turns of 2% of the budget each, all models of a seed in turn"
    said = record(rows, space, baselines, skipped=(Skipped("cats/7.jpg", "image file is truncated"),))
    return replace(said, budget=Terms("seconds", 30, seeds, order=order))


def _named(scores: dict[str, Score]) -> dict[str, Score]:
    return {title: replace(said, name=title) for title, said in scores.items()}


def neighbours(space: Space, n: int = 4) -> list[Neighbour]:
    shown = samples(space, 3 * n, 5)
    return [Neighbour(*shown[3 * i : 3 * i + 3], 0.3 + 0.2 * i, i == 0) for i in range(n)]


def all_media(said: Record, space: Space = DIGITS) -> dict[str, Media]:
    """Media with everything for a record with everything."""
    proof = pictures.png(Image.new("RGB", (64, 32), (120, 40, 40)))
    made = {
        row.run: Media(samples(space, 20, i), 7, curve(row.name), "averaged weights", neighbours(space), {"collapse": proof})
        for i, row in enumerate(said.rows)
    }
    return {REAL: Media(samples(space, 30, 99)), **made}
