"""The time that a comparison still takes."""

from __future__ import annotations

import time


class ETA:
    """An estimate of the time left: a round of training for each seed, then the measuring of each model.

    models     in each round
    seconds    of training each, where that is the budget
    """

    def __init__(self) -> None:
        self.begin([], None)

    def begin(self, rounds: list[int], seconds: float | None) -> None:
        """The clock starts."""
        self.rounds, self.seconds = rounds, seconds
        self.began = self.since = time.monotonic()
        self.trainings: list[float] = []  # seconds a model, of each round that is over
        self.measurings: list[float] = []  # of each model
        self.share, self.before, self.training = 0.0, 0.0, True

    def train(self, before: float = 0.0) -> None:
        """Begin a round. before: the share of it that an earlier call has done."""
        self.since, self.share, self.before, self.training = time.monotonic(), before, before, True

    def trained(self, models: int) -> None:
        """End a round; what an earlier call had done of it would have taken as long for its share."""
        self.trainings.append((time.monotonic() - self.since) / max(models, 1) / max(1 - self.before, 0.02))
        self.since, self.training = time.monotonic(), False

    def measured(self) -> None:
        self.measurings.append(time.monotonic() - self.since)
        self.since = time.monotonic()

    def reached(self, share: float) -> None:
        """Note the share of the current round that is done."""
        self.share = share

    def left(self) -> float:
        here, later = len(self.trainings), sum(self.rounds[len(self.trainings) + self.training :])
        models = self.rounds[min(here, len(self.rounds) - 1)] if self.training and self.rounds else 0
        waiting = sum(self.rounds) - len(self.measurings)
        each = sum(self.measurings) / len(self.measurings) if self.measurings else 10 + 0.5 * self._each()
        return self._each() * (later + models * (1 - self.share)) + each * waiting

    def _each(self) -> float:
        """Seconds of training a model, check-ups included."""
        if self.trainings:
            return self.trainings[-1]
        if self.training and self.share - self.before > 0.05:
            return (time.monotonic() - self.since) / (self.share - self.before) / max(self.rounds[0], 1)
        return 1.3 * (self.seconds or 60.0)

    def done(self) -> float:
        past = time.monotonic() - self.began
        return past / max(past + self.left(), 1e-9)

    def note(self) -> str:
        return f"{len(self.measurings)} of {sum(self.rounds)} measured"
