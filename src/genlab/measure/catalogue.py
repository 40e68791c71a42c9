"""Every measure by name, with the question it answers. Names of scores add the features in brackets, where there are any."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Question = Literal["quality", "coverage", "labels", "copying", "density"]


class Measure(NamedTuple):
    """A measure of samples.

    better   "lower", "higher", or "" where neither is better
    says     what it says, for somebody to whom it is new
    """

    name: str
    question: Question
    better: Literal["lower", "higher", ""]
    says: str


MEASURES = (
    Measure("Fréchet distance", "quality", "lower", "how far the samples as a whole are from real ones, by mean and spread"),
    Measure("Fréchet distance, unbiased", "quality", "lower", "the same, corrected for the limited number of samples"),
    Measure("FID", "quality", "lower", "the Fréchet distance in the features of Inception, as papers give it"),
    Measure("FID, unbiased", "quality", "lower", "the same, corrected for the limited number of samples"),
    Measure("kernel distance", "quality", "lower", "how far the samples as a whole are from real ones; 0: not at all"),
    Measure("KID", "quality", "lower", "the kernel distance in the features of Inception, as papers give it"),
    Measure("two-sample accuracy", "quality", "lower", "how often samples can be told from real examples; 0.5 is guessing"),
    Measure("sliced Wasserstein distance × 1000", "quality", "lower", "how far small patches are from real ones"),
    Measure("squared MMD", "quality", "lower", "how far the samples as a whole are from real ones; 0: not at all"),
    Measure("energy distance", "quality", "lower", "the same, by the distances between points"),
    Measure("Kullback-Leibler divergence", "quality", "lower", "how far the samples are from the true density, known here"),
    Measure("Jensen-Shannon divergence", "quality", "lower", "the same, symmetric and never above 0.69"),
    Measure("share of good samples", "quality", "higher", "share of the samples near one of the clusters, known here"),
    Measure("precision", "quality", "higher", "share of the samples that pass for real: they lie among real examples"),
    Measure("density", "quality", "higher", "how many real examples lie around a sample, relative to real data"),
    Measure("Inception score", "quality", "higher", "whether samples are clear and of many classes; blind to copying"),
    Measure("recall", "coverage", "higher", "share of the real examples that the samples surround"),
    Measure("coverage", "coverage", "higher", "share of the real examples that have a sample nearby"),
    Measure("share of modes covered", "coverage", "higher", "share of the clusters, known here, that the samples reach"),
    Measure("MS-SSIM between samples", "coverage", "", "how alike two samples are, from 0 to 1; compare with real data"),
    Measure("smallest class share", "coverage", "higher", "how often the rarest class is drawn"),
    Measure("share of different lines", "coverage", "higher", "how many of the lines drawn are different ones"),
    Measure("distinct-2", "coverage", "higher", "variety: different pairs of tokens among all pairs"),
    Measure("distinct-4", "coverage", "higher", "variety: different runs of four tokens among all runs"),
    Measure("samples of the class asked for", "labels", "higher", "how often a sample is of the class that was asked for"),
    Measure("classifier's mean confidence", "labels", "higher", "how sure a classifier is of what a sample shows"),
    Measure("Fréchet distance within classes", "labels", "lower", "the Fréchet distance inside each class, averaged"),
    Measure("accuracy trained on samples", "labels", "higher", "how well a classifier taught by samples does on real examples"),
    Measure("copied training examples", "copying", "lower", "share of the samples that repeat a training example"),
    Measure("near copies", "copying", "lower", "the same, slightly changed ones included"),
    Measure("share of lines of the training set", "copying", "", "share of the lines drawn that stand in the training data"),
    Measure("share of copied 8-grams", "copying", "", "share of runs of eight tokens that stand in the training data"),
    Measure("Parzen window estimate of log p", "density", "higher", "a rough likelihood, from samples alone"),
)  # fmt: skip


def measure_of(score: str) -> Measure | None:
    """The row of a score's name, without the brackets that say what it is compared in; None where there is none."""
    bare = re.sub(r"^copied training \w+", "copied training examples", without_features(score))
    return next((row for row in MEASURES if row.name == bare), None)


def without_features(score: str) -> str:
    """The name of a score without the features in brackets."""
    return re.sub(r" \([^)]*\)", "", score)
