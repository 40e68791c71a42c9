"""The rank of this process among several, from the variables of torchrun and `accelerate launch`; no torch here."""

from __future__ import annotations

import os
import warnings

TRAINS = ("train", "resume")  # verbs that make use of more than one


class Alone(UserWarning):
    """This process is the only one, though more were asked for."""


def rank() -> int:
    return int(os.environ.get("RANK", "0"))


def world() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def first() -> bool:
    """Whether this process is the one that prints."""
    return rank() == 0


def check(words: list[str]) -> None:
    """ValueError for a verb that runs on one process only; a warning where a launcher has started one in place of several."""
    if "ACCELERATE_DYNAMO_BACKEND" in os.environ and "MASTER_ADDR" in os.environ and "WORLD_SIZE" not in os.environ:
        warnings.warn(
            Alone(
                "accelerate was asked for several processes and started one, as it does on CPUs: say --multi_gpu too, or use "
                f"torchrun --nproc-per-node N -m genlab {' '.join(words[:1])} ..."
            ),
            stacklevel=2,
        )
    if world() > 1 and words and not words[0].startswith("-") and words[0] not in TRAINS:
        raise ValueError(
            f"genlab {words[0]} runs on one process, this was launched as {world()}; only train and resume use more"
        )
