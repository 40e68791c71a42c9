"""Memorisation: which samples are copies of training examples?

A sample's distance d_1 to its nearest training example says little by itself: a blank picture is near many, a busy one near
none. It is put in proportion to how far the training set is about there,

    r = d_1 / mean(d_26 .. d_50),

as Carlini et al., "Extracting Training Data from Diffusion Models", 2023, do with the mean of all 50; here of the farther half,
so that up to 25 duplicates in the training set do not hide a copy. Real examples that were never trained on have such ratios
too. A sample is called a copy where its r is at most half of their 1% quantile, and `false_alarms` is how often that happens
to real ones: the rule set by one half of them and asked about the other, both ways. Where they are few, training examples join
them, each measured against all the others, as if it had not been trained on.

Among pixels a copy with a little noise is found, one that is shifted by a pixel is not. r is a ratio, so units do not matter,
but the weight of each dimension does.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from genlab.measure.estimate import Estimate, distinct_sides, share
from genlab.measure.neighbours import nearest

NEIGHBOURS = 50
QUANTILE, FACTOR = 0.01, 0.5
FEWEST = 50  # real examples that a rule needs
ENOUGH, JOINING = 200, 1_000  # held-out ones below which training examples join; how many at most
USUAL = "of held-out examples at most"  # in a score's detail: what real ones may come to


class Rule(NamedTuple):
    """The rule for copies of a training set: a sample with a ratio of at most `threshold` is one."""

    train: Tensor  # (m, d)
    neighbours: int
    threshold: float
    false_alarms: Estimate  # share of real examples that the rule would call copies


class Copies(NamedTuple):
    share: Estimate  # of the samples that are copies
    ratio: Tensor  # (n,) of the samples
    index: Tensor  # (n,) their nearest training example
    distance: Tensor  # (n,) to it


def rule_for(train: Tensor, held_out: Tensor, neighbours: int = NEIGHBOURS) -> Rule:
    """The rule for train (m, d), set by real examples held_out (h, d) that were not trained on, and by some of train where
    these are few.

    ValueError for fewer than 50 of both, too few for their 1% quantile.
    """
    distinct_sides(held_out, train)
    joining = 0 if len(held_out) >= ENOUGH else min(len(train), JOINING)
    if len(held_out) + joining < FEWEST:
        raise ValueError(f"a threshold for copies needs {FEWEST} real examples, got {len(held_out) + joining}")
    k = min(neighbours, len(train) - 1)
    usual = ratios(nearest(held_out, train, k)[0])
    if joining:
        rows = torch.arange(joining) * len(train) // joining
        usual = torch.cat([usual, ratios(nearest(train[rows], train, k + 1)[0][:, 1:])])
    return Rule(train, k, limit(usual), share(_alarms(usual), len(usual), "real examples"))


def copies(samples: Tensor, rule: Rule) -> Copies:
    """The copies among samples (n, d), by a rule."""
    distinct_sides(samples, rule.train)
    distances, rows = nearest(samples, rule.train, rule.neighbours)
    ratio = ratios(distances)
    hits = int((ratio <= rule.threshold).sum())
    return Copies(share(hits, len(samples), "samples"), ratio, rows[:, 0], distances[:, 0])


def ratios(distances: Tensor) -> Tensor:
    """r (n,) of ascending distances (n, k) to the k nearest; 0 where even the farther half of them are copies."""
    return (distances[:, 0] / distances[:, distances.shape[1] // 2 :].mean(1)).nan_to_num(0.0)


def limit(usual: Tensor) -> float:
    """The largest ratio that is called a copy, from ratios (h,) of held-out examples."""
    return FACTOR * float(usual.quantile(QUANTILE))


def _alarms(usual: Tensor) -> int:
    one, other = usual[::2], usual[1::2]  # training examples come after held-out ones: both halves have some of either
    return int((one <= limit(other)).sum() + (other <= limit(one)).sum())
