"""The time that a comparison still takes."""

from __future__ import annotations

import time

import pytest

from genlab.comparison.eta import ETA


def test_a_round_that_goes_on_counts_for_the_share_that_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    eta = ETA()
    eta.begin([2, 2], 100.0)
    eta.train(before=0.9)
    now[0] = 20.0  # a tenth of two models of 100 seconds
    eta.trained(2)
    for _ in range(2):
        eta.measured()
    eta.train()
    assert eta.left() == pytest.approx(200.0)
