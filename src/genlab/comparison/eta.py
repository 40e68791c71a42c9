"""The time that a comparison takes: one clock for training, measuring and the page.

Before anything is done it is a guess from the budget; once the models take turns, what their shares took; once their first
samples are there, what the rest of these and the likelihoods will take; and what the models measured so far took beyond that.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from genlab.comparison.evaluate import LEAST, SHARE

BESIDE = 1.12  # the time of a training over its budget: check-ups, checkpoints, building the model
GUESSED = 0.5  # of the seconds that measuring a model may take, those that it will
REST = 0.1, 2.0  # of the training time, comparing samples takes; seconds that this takes at least
UNKNOWN = 60.0  # seconds of training, where the budget is none of seconds
BASELINES = 2  # models that it takes as long to compare as the baselines


class ETA:
    """The time left: a round of training for each seed, then the measuring of its models."""

    def __init__(self) -> None:
        self.begin([], None)

    def begin(self, rounds: Sequence[int], seconds: float | None, baselines: bool = True) -> None:
        """The clock starts.

        rounds     models in each
        seconds    of training each, where that is the budget
        baselines  whether real data and noise are still to be measured
        """
        self.rounds, self.seconds = list(rounds), seconds or UNKNOWN
        self.began = self.since = time.monotonic()
        self.trainings: list[float] = []  # seconds a model, of each round that is over
        self.took: list[float] = []  # seconds, of each model that was measured
        self.beyond: list[float] = []  # seconds beyond those expected, of each model that was measured
        self.expected: list[float] = []  # seconds, of the models of this round that are still to be measured
        self.baselines = BASELINES if baselines and rounds else 0
        self.share, self.before, self.training = 0.0, 0.0, True

    def train(self, before: float = 0.0) -> None:
        """Begin a round. before: the share of it that an earlier call has done."""
        self.since, self.share, self.before, self.training = time.monotonic(), before, before, True

    def reached(self, share: float) -> None:
        """Note the share of the current round that is done."""
        self.share = share

    def trained(self, models: int) -> None:
        """End a round; what an earlier call had done of it would have taken as long for its share."""
        now = time.monotonic()
        self.trainings.append((now - self.since) / max(models, 1) / max(1 - self.before, 0.02))
        self.since, self.training = now, False

    def compared(self) -> None:
        """The baselines are measured."""
        self.baselines, self.since = 0, time.monotonic()

    def expect(self, seconds: Sequence[float]) -> None:
        """Note how long the samples and likelihoods of the round's models will take, in their order."""
        self.expected, self.since = list(seconds), time.monotonic()

    def measured(self) -> None:
        """The next model of the round is measured."""
        now = time.monotonic()
        self.took.append(now - self.since)
        self.beyond.append(now - self.since - (self.expected.pop(0) if self.expected else 0.0))
        self.since = now

    def left(self) -> float:
        """Seconds."""
        waiting = sum(self.rounds) - len(self.beyond)
        known = self.expected if not self.training else []
        rest = sum(self.beyond) / len(self.beyond) if self.beyond else max(REST[1], REST[0] * self.seconds)
        guess = sum(self.took) / len(self.took) if self.took else GUESSED * max(LEAST, SHARE * self.seconds) + REST[1]
        usual = sum(known) / len(known) + rest if known else guess
        spent = time.monotonic() - self.since if known else 0.0
        measuring = max(sum(known) + rest * len(known) - spent, 0.0) + usual * (waiting - len(known))
        return self._training() + measuring + self.baselines * rest

    def _training(self) -> float:
        later = sum(self.rounds[len(self.trainings) + self.training :])
        here = self.rounds[len(self.trainings)] if self.training and len(self.trainings) < len(self.rounds) else 0
        return self._each() * (later + here * (1 - self.share))

    def _each(self) -> float:
        """Seconds of training a model, check-ups included."""
        if self.trainings:
            return self.trainings[-1]
        if self.training and self.share - self.before > 0.05:
            return (time.monotonic() - self.since) / (self.share - self.before) / max(self.rounds[0], 1)
        return BESIDE * self.seconds

    def done(self) -> float:
        past = time.monotonic() - self.began
        return past / max(past + self.left(), 1e-9)

    def note(self) -> str:
        return f"{len(self.beyond)} of {sum(self.rounds)} measured"
