"""Every measure by name, with the question it answers. Names of scores add the features in brackets, where there are any."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Question = Literal["quality", "coverage", "labels", "copying", "density"]


class Measure(NamedTuple):
    """A measure of samples. better: "lower", "higher", or "" where neither is better."""

    name: str
    question: Question
    better: Literal["lower", "higher", ""]
    says: str


MEASURES = (
    Measure("Fréchet distance", "quality", "lower", "do means and covariances of the features agree"),
    Measure("Fréchet distance, unbiased", "quality", "lower", "the same at infinitely many samples, by extrapolation"),
    Measure("FID", "quality", "lower", "the Fréchet distance in the features of Inception"),
    Measure("FID, unbiased", "quality", "lower", "the same at infinitely many samples, by extrapolation"),
    Measure("kernel distance", "quality", "lower", "do all moments of the features up to the third agree"),
    Measure("KID", "quality", "lower", "the kernel distance in the features of Inception"),
    Measure("two-sample accuracy", "quality", "lower", "how often a classifier tells samples from real examples; 0.5 is never"),
    Measure("sliced Wasserstein distance × 1000", "quality", "lower", "do patches agree at each scale"),
    Measure("squared MMD", "quality", "lower", "do the distributions agree, by kernels of several widths"),
    Measure("energy distance", "quality", "lower", "do the distributions agree, by distances"),
    Measure("Kullback-Leibler divergence", "quality", "lower", "how far the samples are from a density that is known"),
    Measure("Jensen-Shannon divergence", "quality", "lower", "the same, symmetric and bounded"),
    Measure("share of good samples", "quality", "higher", "how many samples lie near a mode of a source that is known"),
    Measure("precision", "quality", "higher", "how many samples lie among real examples"),
    Measure("density", "quality", "higher", "how densely real examples lie around the samples"),
    Measure("Inception score", "quality", "higher", "are samples of clear and many classes; blind to copying"),
    Measure("recall", "coverage", "higher", "how many real examples lie among the samples"),
    Measure("coverage", "coverage", "higher", "how many real examples have a sample near them"),
    Measure("share of modes covered", "coverage", "higher", "how many modes of a source that is known the samples reach"),
    Measure("MS-SSIM between samples", "coverage", "", "how alike two samples are; compare with real data's"),
    Measure("smallest class share", "coverage", "higher", "how often the rarest class is drawn"),
    Measure("share of different lines", "coverage", "higher", "how many different lines there are among those drawn"),
    Measure("distinct-2", "coverage", "higher", "how many pairs of tokens are different ones"),
    Measure("distinct-4", "coverage", "higher", "how many runs of four tokens are different ones"),
    Measure("samples of the class asked for", "labels", "higher", "does class 3 look like a 3"),
    Measure("classifier's mean confidence", "labels", "higher", "how sure a classifier is of its class"),
    Measure("Fréchet distance within classes", "labels", "lower", "the distance inside each class, averaged"),
    Measure("accuracy trained on samples", "labels", "higher", "are samples good enough to learn the classes from"),
    Measure("copied training examples", "copying", "lower", "which samples are training examples over again"),
    Measure("near copies", "copying", "lower", "the same in the features: shifted or redrawn ones count"),
    Measure("share of lines of the training set", "copying", "", "how many lines stand in the training set"),
    Measure("share of copied 8-grams", "copying", "", "how many runs of eight tokens stand in the training set"),
    Measure("Parzen window estimate of log p", "density", "higher", "what papers gave for models without a likelihood"),
)  # fmt: skip


def measure_of(score: str) -> Measure | None:
    """The row of a score's name, without the brackets that say what it is compared in; None where there is none."""
    bare = re.sub(r"^copied training \w+", "copied training examples", re.sub(r" \([^)]*\)", "", score))
    return next((row for row in MEASURES if row.name == bare), None)
