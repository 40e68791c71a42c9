"""An exact likelihood and a bound compare where the bound is better already, and only there."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from genlab.comparison.doubts import remarks
from genlab.comparison.ranking import grouped, provable
from genlab.comparison.rows import Record, Row
from genlab.comparison.verdicts import Verdict, verdicts
from genlab.measure.likelihood import Likelihood
from tests.report.fakes import bits, record, row


def exact(value: float, **more: float) -> Likelihood:
    return bits(value, "exact", "chain rule", error=more.get("error", 0.01))


def bound(value: float, error: float = 0.01) -> Likelihood:
    return bits(value, error=error)


def asked(*rows: Row) -> Verdict:
    (found,) = [verdict for verdict in verdicts(record(rows)) if verdict.question == "likelihood"]
    return found


def test_a_bound_that_is_better_proves_it() -> None:
    found = asked(row("pixelcnn", exact(6.50)), row("vae", bound(5.78)))
    assert found.sentence == "vae finds the test data most probable."
    assert found.title == "Best likelihood (given label)"
    assert "≤ 5.78" in found.detail
    assert "next is pixelcnn with 6.50" in found.detail
    assert not found.caveats


def test_a_bound_never_leads_beside_an_exact_one_that_is_better() -> None:
    rows = [row("vae", bound(1.65)), row("ddpm", bound(1.9)), row("pixelcnn", exact(1.24))]
    found = asked(*rows)
    assert found.models == ("pixelcnn",)
    assert found.caveats == ("but only a bound is known of vae and ddpm, whose own likelihoods may be better",)
    assert not any("alone has a likelihood" in remark for remark in remarks(record(rows)))


@pytest.mark.parametrize(
    "other", [replace(bound(1.5), given=()), replace(bound(1.5), note="binarised: threshold"), bits(1.5, "estimate")]
)
def test_what_is_of_other_data_or_an_estimate_stays_apart(other: Likelihood) -> None:
    groups = provable(grouped([row("pixelcnn", exact(1.24)), row("vae", other)]))
    assert [len(group.values) for group in groups] == [1, 1]


def test_what_the_same_examples_did_to_both_cancels() -> None:
    """Few test examples make wide intervals; the difference of two models on the same ones is known better."""
    shared = (0.1, -0.1)
    rows = [row("a", exact(2.00, error=0.1414)), row("b", exact(2.05, error=0.1414))]
    assert verdicts(record(rows))[0].outcome == "tied"
    paired = [replace(one, likelihood=replace(one.likelihood, effects=shared)) for one in rows if one.likelihood]
    assert verdicts(record(paired))[0].outcome == "leader"
    assert Record.from_json(json.loads(json.dumps(record(paired).to_json()))).rows == tuple(paired)
