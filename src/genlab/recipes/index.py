"""The index of models, without loading torch: help pages and `genlab list` read this table."""

from __future__ import annotations

import difflib
from typing import NamedTuple


class Entry(NamedTuple):
    name: str
    family: str
    kinds: tuple[str, ...]  # of data, by their names in core.kinds
    likelihood: str  # the claim, and how
    can: tuple[str, ...]  # beside train, sample and compare: `core.model.capabilities` of its class
    uses: tuple[str, ...]  # conditions it takes where the data have them, as its class says
    idea: str  # one line
    paper: str
    module: str  # where the recipe function and the class are found
    needs: tuple[str, ...] = ()  # conditions without which it cannot be, as its class says


VECTORS = ("points", "pictures", "sound", "video", "voxels")  # of numbers that have an order
WORDS = ("label", "text")  # what every model uses that takes its conditions through `nets.condition`

MODELS: tuple[Entry, ...] = (
    Entry("ngram", "autoregressive", ("text", "lines", "pictures"), "exact", ("complete",), ("label",),
          "counts what follows each short context, smoothed",
          "Chen & Goodman, An Empirical Study of Smoothing Techniques for Language Modeling, 1998", "genlab.recipes.language"),
    Entry("gpt", "autoregressive", ("text", "lines", "pictures"), "exact", ("complete", "shard"), WORDS,
          "a transformer predicts the next token or pixel from all before",
          "Radford et al., Language Models are Unsupervised Multitask Learners, 2019", "genlab.recipes.language"),
    Entry("pixelcnn", "autoregressive", ("pictures",), "exact", ("complete",), WORDS,
          "masked convolutions predict each pixel from those above and to the left",
          "van den Oord et al., Conditional Image Generation with PixelCNN Decoders, 2016", "genlab.recipes.pixels"),
    Entry("vae", "autoencoder", VECTORS, "bound (ELBO, IW-k)",
          ("reconstruct", "interpolate"), WORDS,
          "an encoder and a decoder meet in a Gaussian code",
          "Kingma & Welling, Auto-Encoding Variational Bayes, 2014", "genlab.recipes.autoencoders"),
    Entry("vqvae", "autoencoder", ("pictures",), "bound (code and prior)", ("reconstruct",), WORDS,
          "a picture becomes a grid of discrete codes, then a prior learns the grids",
          "van den Oord et al., Neural Discrete Representation Learning, 2017", "genlab.recipes.pixels"),
    Entry("gan", "adversarial", VECTORS, "none", ("interpolate",), WORDS,
          "a generator learns to fool a discriminator",
          "Goodfellow et al., Generative Adversarial Nets, 2014", "genlab.recipes.adversarial"),
    Entry("ddpm", "diffusion", VECTORS, "bound (variational bound)",
          ("interpolate", "shard", "guidance"), (*WORDS, "source"),
          "noise is removed step by step",
          "Ho et al., Denoising Diffusion Probabilistic Models, 2020", "genlab.recipes.diffusion"),
    Entry("flow-matching", "diffusion", VECTORS, "estimate (ODE)",
          ("reconstruct", "interpolate", "shard", "guidance"), (*WORDS, "source"),
          "a velocity field carries noise to data along straight lines",
          "Lipman et al., Flow Matching for Generative Modeling, 2023", "genlab.recipes.diffusion"),
    Entry("rbm", "energy", ("pictures",), "exact (small) or estimate (AIS)",
          ("complete", "reconstruct"), ("label",),
          "visible and hidden bits settle into low energy together",
          "Hinton, Training Products of Experts by Minimizing Contrastive Divergence, 2002", "genlab.recipes.energy"),
)  # fmt: skip

DEFAULTS: dict[str, tuple[str, ...]] = {  # what `compare` trains by default
    "pictures": ("vae", "pixelcnn", "gan", "ddpm"),
    "points": ("vae", "gan", "ddpm", "flow-matching"),
    "text": ("ngram", "gpt"),
    "lines": ("ngram", "gpt"),
    "sound": ("vae", "gan", "ddpm", "flow-matching"),
    "video": ("vae", "gan", "ddpm", "flow-matching"),
    "voxels": ("vae", "gan", "ddpm", "flow-matching"),
}


OWN: dict[str, Entry] = {}  # of classes of the user's own, by name: see `genlab.own`


def that_use(key: str, kind: str) -> str:
    """Which models of a kind of data use a condition, in words."""
    names = [row.name for row in MODELS if key in row.uses and kind in row.kinds]
    return f"models of {kind} that use {key}: {', '.join(names)}" if names else f"no model of {kind} uses {key}"


def entry(name: str) -> Entry:
    """The row of a model; ValueError names the near miss."""
    for row in (*MODELS, *OWN.values()):
        if row.name == name:
            return row
    names = [row.name for row in MODELS]
    near = difflib.get_close_matches(name, names, 1, 0.4)
    hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(names)}; one of your own is FILE.py:NAME"
    raise ValueError(f"no model is called {name!r}; {hint}")
