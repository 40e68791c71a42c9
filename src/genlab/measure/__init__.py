"""Numbers about a model, each with its protocol: how likely it finds the data, how close its samples are, how fast they come.

`likelihood_of(model, data, split, seed)` is None where a model has none; `scores_for(data, samples, ...)` gives every measure
of samples that suits the data, by name; `better_of(a, b)` is the better of two scores, if they may be compared at all.
"""

from genlab.measure.evaluation import Evaluation, Reference, concat_batches, evaluation_of, independent
from genlab.measure.likelihood import Likelihood, likelihood_of
from genlab.measure.ruler import Instruments, Ruler, instruments
from genlab.measure.score import Incomparable, Score, better_of, differences
from genlab.measure.speed import Speed
from genlab.measure.table import scores_for, scores_of

__all__ = [
    "Evaluation",
    "Incomparable",
    "Instruments",
    "Likelihood",
    "Reference",
    "Ruler",
    "Score",
    "Speed",
    "better_of",
    "concat_batches",
    "differences",
    "evaluation_of",
    "independent",
    "instruments",
    "likelihood_of",
    "scores_for",
    "scores_of",
]
