"""Numbers about a model, each with its protocol: how likely it finds the data, how close its samples are, how fast they come.

`likelihood_of(model, data, split, seed)` is None where a model has none; `scores_for(model, data, samples, ...)` gives every
measure of samples that suits the data, by name.
"""

from genlab.measure.likelihood import Likelihood, likelihood_of
from genlab.measure.score import Score
from genlab.measure.speed import seconds_per_100
from genlab.measure.table import scores_for

__all__ = ["Likelihood", "Score", "likelihood_of", "scores_for", "seconds_per_100"]
