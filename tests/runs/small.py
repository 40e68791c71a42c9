"""Every recipe at its smallest, on built-in data: runs of a second, for tests of what runs leave behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genlab.api import Session, session
from genlab.core.recipe import Budget
from genlab.data import open


@dataclass(frozen=True)
class Small:
    """A model, data by name with their options, and settings that make it small."""

    model: str
    source: str
    settings: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.model

    def data(self) -> Any:
        return open(self.source, **self.options)

    def session(self, out: Path, steps: int, data: Any = None, **more: Any) -> Session:
        budget = more.pop("budget", None) or Budget(steps=steps)
        return session(self.model, data or self.data(), out, budget=budget, settings=self.settings, device="cpu", **more)


PIXELS = {"width": 8, "depth": 1, "hidden": 8, "embedding": 4, "widths": "(8, 8)"}
SMALL = [
    Small("ngram", "strings/coin", {"batch": 512}),
    Small("gpt", "strings/coin", {"model.layers": 1, "model.heads": 2, "model.width": 16, "batch": 8, "optim.half_life": 50}),
    Small("pixelcnn", "digits", {f"model.{key}": value for key, value in PIXELS.items()} | {"batch": 8}),
    Small("vae", "points/ring", {"model.width": 16, "model.depth": 1, "batch": 32}),
    Small("vqvae", "digits", {"model.width": 8, "model.codebook_size": 8, "model.code_dim": 4, "batch": 8}
          | {f"model.pixelcnn.{key}": value for key, value in PIXELS.items()}),
    Small("gan", "points/ring", {"model.width": 16, "model.discriminator_steps": 2, "batch": 32}),
    Small("ddpm", "points/ring", {"model.width": 16, "model.depth": 1, "model.sampling_steps": 10, "batch": 32}),
    Small("flow-matching", "points/ring", {"model.width": 16, "model.depth": 1, "model.sampling_steps": 4, "batch": 32}),
    Small(
        "rbm", "digits",
        {"model.hidden": 16, "model.chains": 8, "model.sample_sweeps": 10, "batch": 8}, {"binarise": "threshold"},
    ),
]  # fmt: skip
