"""The choice of features: those that suit the data, or those that a user names."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import replace

import torch

from genlab.core.data import Data, some
from genlab.core.fit import Engine
from genlab.core.kinds import kind_of
from genlab.core.space import label_of
from genlab.features.base import Features
from genlab.features.classifier import classifier_features
from genlab.features.inception import inception_features
from genlab.features.perceptual import perceptual_features
from genlab.features.pixels import pixel_features
from genlab.features.projections import projection_features
from genlab.features.random import random_features
from genlab.features.user import features_from_file

MEASURED = 5000  # training examples from which the scale of features is taken
TINY = 64  # entries up to which what is no picture serves as it is
NAMES = ("classifier", "perceptual", "random", "pixels", "inception")
CHOICES = f"{', '.join(NAMES)}[=FILE] or FILE.py:NAME"

ProgressCallback = Callable[[float], object]


def features_for(
    data: Data, engine: Engine, progress: ProgressCallback | None = None, choice: str | None = None
) -> Features | None:
    """The features that suit these data, or None where their kind is compared without.

    choice      one of CHOICES instead: a name, the file of Inception's weights, a function of the user's own (any data)
    progress    called with the share done, 0..1, where a classifier is trained, which is then cached
    ValueError where `choice` is none of these, or does not fit the data.
    """
    if choice is not None:
        return _asked(choice.strip(), data, engine, progress)
    return USUAL[kind_of(data.space).name](data, engine, progress)


def candidates(data: Data) -> tuple[str, ...]:
    """Names of the features that may suit pictures, the most promising first."""
    space = data.space
    photographs = space.kind in ("binary", "ordinal") and space.shape[0] in (1, 3)
    return (*(["perceptual"] if photographs else []), *(["classifier"] if labelled(data) else []), "random", "pixels")


def _of_pictures(data: Data, engine: Engine, progress: ProgressCallback | None) -> Features:
    return _asked(candidates(data)[0], data, engine, progress)


def _of_entries(data: Data, engine: Engine, progress: ProgressCallback | None) -> Features:
    few = data.space.size <= TINY
    return scaled(pixel_features(data.space) if few else projection_features(data.space, dims_for(data)), data)


def _none(data: Data, engine: Engine, progress: ProgressCallback | None) -> None:
    """No features: points are compared by their coordinates, texts by their tokens."""


USUAL: dict[str, Callable[[Data, Engine, ProgressCallback | None], Features | None]] = {  # by kind of data
    "points": _none,
    "pictures": _of_pictures,
    "text": _none,
    "lines": _none,
    "sound": _of_entries,
    "video": _of_entries,
    "voxels": _of_entries,
}


def _asked(choice: str, data: Data, engine: Engine, progress: ProgressCallback | None) -> Features:
    name, _, file = choice.partition("=")
    if ".py:" in choice:
        return features_from_file(choice, data.space, engine.device)
    if name not in NAMES or (file and name != "inception"):
        raise ValueError(f"--features {choice}: {_hint(choice)}")
    if not data.space.picture:
        raise ValueError(
            f"--features {choice}: these are features of pictures, the data are {kind_of(data.space).name} "
            f"of shape {data.space.shape}; for any data there is a function of your own, --features FILE.py:NAME"
        )
    if name == "inception":
        return inception_features(data.space, file or None, engine.device)
    if name == "perceptual":
        return perceptual_features(data.space, engine.device)
    if name == "classifier":
        return _of_labels(data, engine, progress)
    return scaled(pixel_features(data.space) if name == "pixels" else random_features(data.space, dims_for(data)), data)


def _hint(choice: str) -> str:
    if choice.endswith(".py"):
        return f"say which function of the file, {choice}:NAME"
    near = difflib.get_close_matches(choice.partition("=")[0].lower(), NAMES, 1, 0.5)
    return (f"did you mean {near[0]}? " if near else "there are no such features. ") + f"There are {CHOICES}"


def labelled(data: Data) -> bool:
    label = label_of(data.given)
    return bool(label) and data.given[label].levels > 1


def _of_labels(data: Data, engine: Engine, progress: ProgressCallback | None) -> Features:
    if not labelled(data):
        raise ValueError("--features classifier: these data have no classes to learn; choose random, perceptual or pixels")
    return scaled(classifier_features(data, dims_for(data), engine, progress=progress), data)


def dims_for(data: Data) -> int:
    """A covariance needs several examples a dimension."""
    return 64 if data.count("test") >= 1000 else 32


def scaled(features: Features, data: Data) -> Features:
    """Features divided by one number, so that their total variance over the train split is 1.

    Squared distances then read as shares of that variance, and those of different features and data have one size. Networks
    that belong to no data set are left as they are: their distances are compared across data sets.
    """
    total = torch.cat([features(part.x) for part in some(data, "train", MEASURED)]).var(0).sum().clamp_min(1e-12)
    protocol = {**features.protocol, "scale": "total variance of the train split is 1"}
    return replace(features, function=lambda x: features.function(x) / float(total.sqrt()), protocol=protocol)
