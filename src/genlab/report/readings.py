"""What the readings of a training say, for a reader who has never seen one."""

from __future__ import annotations

from collections.abc import Iterable

SAYS = {
    "loss": "what training lowers",
    "gradient": "how strongly the loss still pulls at the weights",
    "reconstruction": "the cost of rebuilding an example from its code",
    "kl": "nats of an example that its code holds",
    "effective samples": "how many of the codes drawn for an example count in its bound",
    "adversarial": "the loss without its penalty",
    "penalty": "the cost of a discriminator that changes too steeply",
    "real": "the discriminator's mean score of real examples",
    "fake": "its mean score of generated ones",
    "real-vs-fake accuracy": "how often it tells the two apart; 0.5 is guessing",
    "clipped": "the share of weights that were cut back to their limit",
    "error": "the squared error of the network's guess at what was noised",
    "perplexity": "how many codes are in use, rare ones counting less",
    "codebook usage": "the same as a share of the codebook",
    "revived": "unused codes that were moved back among the data",
    "pseudo": "log-probability of each bit given all others",
    "moved": "the share of bits that the model's chain changes in a step",
    "events": "tokens that were counted, each with the context before it",
    "kinds": "how many different ones of these there are",
}


def glossary(names: Iterable[str]) -> str:
    """One sentence on the readings of these names ("vae.kl", "discriminator.real"), each explained once."""
    bare = dict.fromkeys(name.rsplit(".", 1)[-1] for name in names)
    return "; ".join(f"{name}: {SAYS[name]}" for name in bare if name in SAYS)
