"""The time that a comparison still takes, on a clock that the tests turn."""

from __future__ import annotations

import time

import pytest

from genlab.cli.progress import LineTask, Progress
from genlab.comparison.eta import ETA


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


def test_a_round_that_goes_on_counts_for_the_share_that_was_left(now: list[float]) -> None:
    eta = ETA()
    eta.begin([2, 2], 100.0, baselines=False)
    eta.train(before=0.9)
    now[0] += 20.0  # a tenth of two models of 100 seconds
    eta.trained(2)
    eta.expect([0.0, 0.0])
    for _ in range(2):
        eta.measured()
    eta.train()
    assert eta.left() == pytest.approx(200.0)


def measured(eta: ETA, now: list[float], took: list[tuple[float, float]], beside: float) -> list[float]:
    """What was left, by the clock and truly, while models are measured. took: of each, as expected and beyond that."""
    now[0] += beside  # the baselines
    eta.compared()
    eta.expect([expected for expected, _ in took])
    found = []
    for place, (expected, beyond) in enumerate(took):
        now[0] += expected + beyond
        eta.measured()
        found += [eta.left(), sum(map(sum, took[place + 1 :]))]
    return found


@pytest.mark.parametrize(
    "took",
    [
        [(1.0, 6.0), (9.0, 8.0), (0.5, 5.0), (12.0, 7.0)],  # a slow sampler among fast ones
        [(30.0, 2.0), (1.0, 2.0), (1.0, 2.5)],
        [(0.1, 1.0), (0.1, 1.2), (0.1, 0.9), (0.1, 1.0)],
    ],
)
def test_after_the_first_model_the_time_left_is_right_within_a_quarter(
    took: list[tuple[float, float]], now: list[float]
) -> None:
    eta = ETA()
    eta.begin([len(took)], 30.0)
    eta.train()
    for share in (0.25, 0.5, 1.0):
        now[0] += (share - eta.share) * 35 * len(took)
        eta.reached(share)
    assert eta.left() < 120, "nothing but measuring is left"
    eta.trained(len(took))
    left = measured(eta, now, took, beside=12.0)
    for guess, true in zip(left[::2], left[1::2], strict=True):
        assert guess == pytest.approx(true, rel=0.25)
    assert eta.done() == 1


def test_training_is_half_of_it_and_not_all(now: list[float]) -> None:
    eta = ETA()
    eta.begin([4], 30.0)
    eta.train()
    now[0] += 66.0
    eta.reached(0.5)
    assert 66 + 4 * 5 < eta.left() < 66 + 4 * 15 + 10
    assert 0.3 < eta.done() < 0.45


def test_the_time_passes_while_a_model_is_measured(now: list[float]) -> None:
    eta = ETA()
    eta.begin([2], 30.0)
    eta.trained(2)
    eta.compared()
    eta.expect([20.0, 20.0])
    before = eta.left()
    now[0] += 15.0
    assert eta.left() == pytest.approx(before - 15)


def test_one_clock_says_how_much_is_left(now: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(Progress, "say", lambda progress, line: said.append(line))
    progress, eta = Progress(), ETA()
    eta.begin([2], 30.0)
    eta.train()
    with progress.task("comparing 2 models", chapter=True, forecast=eta), progress.task("training a, b", chapter=True) as task:
        now[0] += 20
        eta.reached(0.3)
        task(0.3)
    assert "training a, b: 30%" in said
    (line,) = (line for line in said if " left" in line)
    assert line.startswith("comparing 2 models: ")
    assert line.endswith("left in all, 0 of 2 measured")
    alone = LineTask("drawing", lambda: None, None, said.append, chapter=False)
    alone(0.25)
    now[0] += 10
    alone(0.5)
    assert said[-1] == "drawing: 50%, 20 s left"
