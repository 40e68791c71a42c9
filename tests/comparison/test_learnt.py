"""A model that has learnt too little is not ranked by its samples, and it is said what it lacks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from genlab.comparison.doubts import remarks
from genlab.comparison.learnt import notices, unlearnt
from genlab.comparison.rows import Baseline, Record, Row
from genlab.comparison.summary import leader
from genlab.comparison.verdicts import recommendation, verdicts
from genlab.measure.ruler import Mark, Ruler
from genlab.measure.score import Score
from tests.report.fakes import record, row, score

KERNEL = "kernel distance (EfficientNet-lite0 features)"
MARKS = tuple(Mark(f"a blur of {k} pixels", 5.0 * k, 5.0 * k - 1, 5.0 * k + 1) for k in (1, 2, 4))
GOOD = Ruler("EfficientNet-lite0 features", (), (), MARKS)
BLIND = replace(GOOD, faults=("uniform noise no farther than a blur of 1 pixel",), wanted=4321)


def kernel(value: float, half: float = 1.0, effects: tuple[float, ...] = ()) -> dict[str, Score]:
    found = score(float(value), "lower", low=value - half, high=value + half)
    return {KERNEL: replace(found, effects=effects)}


def compared(*rows: Row, noise: dict[str, Score] | None = None, ruler: Ruler | None = GOOD) -> Record:
    baselines = [] if noise is None else [Baseline("noise", "every entry by itself", noise)]
    return replace(record(rows, baselines=baselines), ruler=ruler)


def test_a_model_that_did_not_see_the_data_once_is_not_ranked() -> None:
    said = compared(row("vae", None, kernel(9)), row("ddpm", None, kernel(8), examples_seen=300, train_seconds=30.0))
    assert list(notices(said)) == [
        "ddpm was not trained long enough to be ranked: it saw 21% of the 1,437 pictures to learn from; it needs at least "
        "about 24 min here."
    ]
    (best, *_) = verdicts(said)
    assert best.sentence == "vae draws the best pictures: no other learnt enough to be ranked."
    assert best.detail.startswith(
        f"K{KERNEL[1:]} 9.00 (95%: 8.00 to 10.0). vae's pictures are as far from real pictures as a blur"
    )
    assert next(iter(leader(said))) == next(notices(said)), "before any verdict"
    assert not [verdict for verdict in verdicts(said) if "ddpm" in verdict.models]


def test_a_model_no_better_than_noise_is_not_ranked() -> None:
    rows = [row("vae", None, kernel(9)), row("gan", None, kernel(14.5)), row("ddpm", None, kernel(16.0))]
    assert list(unlearnt(compared(*rows, noise=kernel(15.0)))) == ["gan", "ddpm"]
    assert not unlearnt(compared(*rows, noise=None))
    none = compared(*rows[1:], noise=kernel(15.0))
    assert recommendation(none) is None, "nothing to draw from"
    assert not any("no better than noise" in remark for remark in remarks(none)), "it was said before"
    assert recommendation(compared(*rows, noise=kernel(15.0))).name == "vae"
    assert not unlearnt(compared(*rows, noise=kernel(30.0)))
    assert unlearnt(compared(*rows, noise=kernel(15.0)))["gan"].startswith("what it draws is no better than noise")


def test_better_than_noise_is_judged_on_the_same_real_pictures() -> None:
    """Few real pictures make wide intervals, but what they did to both cancels."""
    shared = (0.45, -0.45)
    rows = [row("vae", None, kernel(9)), row("gan", None, kernel(14.0, 1.3, shared))]
    assert list(unlearnt(compared(*rows, noise=kernel(15.0, 1.3)))) == ["gan"]
    assert not unlearnt(compared(*rows, noise=kernel(15.0, 1.3, shared)))


def test_many_examples_need_not_be_seen_all() -> None:
    rows = [row("vae", None, kernel(9), examples_seen=6000), row("gan", None, kernel(8), examples_seen=4000)]
    said = compared(*rows)
    large = replace(said, data=replace(said.data, counts={"train": 1_000_000}))
    assert unlearnt(large)["gan"].startswith("it saw 80% of 5,000 pictures, the least to judge it by")
    assert list(unlearnt(large)) == ["gan"]


def test_where_no_ruler_passes_nothing_is_ranked_by_its_looks() -> None:
    rows = [row("vae", None, kernel(9)), row("gan", None, kernel(5))]
    said = compared(*rows, noise=kernel(30.0), ruler=BLIND)
    assert not [verdict for verdict in verdicts(said) if verdict.question in ("quality", "coverage")]
    (sentence,) = notices(said)
    assert "EfficientNet-lite0 features put uniform noise no farther than a blur of 1 pixel." in sentence
    assert "With about 4,300 pictures instead of 1,617" in sentence
    assert "none of the 2 rulers" in next(notices(replace(said, refused=(BLIND,))))


@pytest.mark.parametrize("ruler", [None, GOOD])
def test_who_learnt_enough_is_ranked_as_before(ruler: Ruler | None) -> None:
    said = compared(row("vae", None, kernel(9)), row("gan", None, kernel(5)), noise=kernel(30.0), ruler=ruler)
    (best, *_) = verdicts(said)
    assert best.sentence == "gan draws the best pictures."
    assert not list(notices(said))
