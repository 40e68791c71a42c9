"""Fixed functions from examples to vectors: what distances between sets of examples are measured in.

`features_for(data, engine)` chooses: a classifier of the data's own labels, a random network where there are none, the
pixels where pictures are tiny, nothing where the data are no pictures. With `choice` the user does: one of those, a network
trained on photographs (`perceptual`), TensorFlow's Inception (`inception`, the only features whose distance is the FID), or
a function of the user's own.
"""

from genlab.features.accuracy import trained_on
from genlab.features.base import Features
from genlab.features.choice import CHOICES, features_for
from genlab.features.classifier import classifier_features
from genlab.features.inception import inception_features
from genlab.features.perceptual import perceptual_features
from genlab.features.pixels import pixel_features
from genlab.features.random import random_features
from genlab.features.user import user_features

__all__ = [
    "CHOICES",
    "Features",
    "classifier_features",
    "features_for",
    "inception_features",
    "perceptual_features",
    "pixel_features",
    "random_features",
    "trained_on",
    "user_features",
]
