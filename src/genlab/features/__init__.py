"""Fixed functions from pictures to vectors: what distances between sets of pictures are measured in.

`features_for(data, engine)` chooses: a classifier of the data's own labels, a random network where there are none, the
pixels where pictures are tiny, nothing where the data are no pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from genlab.core.data import Data
from genlab.core.fit import Engine
from genlab.features.base import Features
from genlab.features.classifier import classifier_features
from genlab.features.pixels import pixel_features
from genlab.features.random import random_features

__all__ = ["Features", "classifier_features", "features_for", "pixel_features", "random_features"]

MEASURED = 5000  # training examples from which the scale of features is taken
TINY = 64  # entries of a picture without labels up to which the pixels serve


def features_for(data: Data, engine: Engine, progress: Callable[[float], object] | None = None) -> Features | None:
    """The features that suit these data, or None where they are no pictures.

    A classifier is trained on first use, with `engine`, and kept; progress is called with the share done, 0..1.
    """
    space = data.space
    if not space.picture:
        return None
    dims = 64 if data.count("test") >= 1000 else 32  # a covariance needs several examples a dimension
    if "label" in data.given and data.given["label"].levels > 1:
        return scaled(classifier_features(data, dims, engine, progress=progress), data)
    return scaled(pixel_features(space) if space.size <= TINY else random_features(space, dims), data)


def scaled(features: Features, data: Data) -> Features:
    """Features divided by one number, so that their total variance over the train split is 1.

    Squared distances then read as shares of that variance, and those of different features and data have one size.
    """
    total = features(data.once("train", 0, MEASURED).x).var(0).sum().clamp_min(1e-12)
    protocol = {**features.protocol, "scale": "total variance of the train split is 1"}
    return replace(features, function=lambda x: features.function(x) / float(total.sqrt()), protocol=protocol)
