"""Fixed functions from examples to vectors: what distances between sets of examples are measured in.

`candidates(data)` names those that may suit pictures, in the order in which they are tried (`measure.ruler`): a network
trained on photographs (`perceptual`), a classifier of the data's own labels, a random network, the pixels. `features_for`
makes them, or those that a user names: TensorFlow's Inception (`inception`, the only features whose distance is the FID), or a
function of the user's own.
"""

from genlab.features.accuracy import seconds_a_step, trained_on
from genlab.features.base import Features, cache
from genlab.features.choice import CHOICES, candidates, features_for, labelled
from genlab.features.classifier import classifier_features
from genlab.features.inception import inception_features
from genlab.features.perceptual import perceptual_features
from genlab.features.pixels import pixel_features
from genlab.features.random import random_features
from genlab.features.user import user_features

__all__ = [
    "CHOICES",
    "Features",
    "cache",
    "candidates",
    "classifier_features",
    "features_for",
    "inception_features",
    "labelled",
    "perceptual_features",
    "pixel_features",
    "random_features",
    "seconds_a_step",
    "trained_on",
    "user_features",
]
