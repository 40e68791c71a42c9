"""Planted copies are found, as many as were planted, and real pictures are not taken for copies."""

from __future__ import annotations

import pytest
import torch

import genlab.data
from genlab.measure.copies import _alarms, copies, ratios, rule_for


@pytest.fixture(scope="module")
def digits() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The 1,797 digits in one order: 597 to train on, 200 held out, 1000 to pose as samples; levels 0..16."""
    data = genlab.data.open("digits")
    every = torch.cat([data.once(split, 0, data.count(split)).x for split in ("train", "validation", "test")])
    every = every[torch.randperm(len(every), generator=torch.Generator().manual_seed(0))].flatten(1).float()
    return every[:597], every[597:797], every[797:1797]


@pytest.mark.parametrize("levels", [0.0, 0.25])  # of 16; 4 of 256
@pytest.mark.parametrize("planted", [5, 50, 200])
def test_planted_copies_are_found(digits, planted, levels):
    train, held_out, posing = digits
    torch.manual_seed(planted)
    rows = torch.randperm(len(train))[:planted]
    samples = posing.clone()
    samples[:planted] = train[rows] + levels * torch.randn(planted, train.shape[1])
    rule = rule_for(train, held_out)
    found = copies(samples, rule)
    assert found.share.value * 1000 == pytest.approx(planted, rel=0.05)
    assert (found.ratio[:planted] <= rule.threshold).all()
    assert found.index[:planted].equal(rows)
    assert rule.false_alarms.value < 0.01
    if not levels:
        assert (found.distance[:planted] == 0).all()


@pytest.mark.parametrize(("training", "held"), [(325, 36), (80, 10)])
def test_copies_of_few_pictures_are_found(digits, training, held):
    """Training pictures, each against all others, stand in for held-out ones."""
    train, held_out, posing = digits[0][:training], digits[1][:held], digits[2]
    samples = torch.cat([train[:20] + 0.25 * torch.randn(20, 64), posing])
    rule = rule_for(train, held_out)
    found = copies(samples, rule)
    assert (found.ratio[:20] <= rule.threshold).all()
    assert (found.ratio[20:] <= rule.threshold).float().mean() < 0.02, "the rule is that of held-out pictures"
    assert rule.false_alarms.high < 0.08


def test_false_alarms_are_those_of_real_pictures(digits):
    """What one half of the held-out pictures allows, the samples that are real pictures too hardly ever do."""
    train, held_out, posing = digits
    rule = rule_for(train, held_out)
    found = copies(posing, rule)
    assert found.share.value < 0.01
    assert rule.false_alarms.low <= found.share.value <= rule.false_alarms.high


def test_bytes_are_taken_as_they_are(digits):
    bytes_, floats = ([side.to(dtype) for side in digits] for dtype in (torch.uint8, torch.float32))
    found, same = (copies(posing[:100], rule_for(train, held_out)) for train, held_out, posing in (bytes_, floats))
    assert found.ratio.equal(same.ratio)
    assert found.index.equal(same.index)


def test_duplicates_in_the_training_set_do_not_hide_a_copy(digits):
    train, held_out, posing = digits
    samples = posing[:100].clone()
    samples[:10] = train[:10] + 0.25
    twenty = torch.cat([train, train[:10].repeat(19, 1)])
    rule = rule_for(twenty, held_out)
    assert (copies(samples, rule).ratio[:10] <= rule.threshold).all()


def test_units_do_not_matter(digits):
    train, held_out, posing = digits
    scaled = ([scale * x + shift for x in (posing, train, held_out)] for scale, shift in ((1, 0), (0.5, -9)))
    one, other = (copies(posing, rule_for(train, held_out)) for posing, train, held_out in scaled)
    torch.testing.assert_close(one.ratio, other.ratio, rtol=1e-5, atol=1e-7)
    assert one.share == other.share


def test_held_out_copies_make_exact_copies_the_rule():
    """Where real pictures are in the training set too, the threshold is 0, only exact copies count, and the alarms say so."""
    torch.manual_seed(0)
    train = torch.randn(500, 10)
    held_out = torch.cat([torch.randn(180, 10), train[:20]])
    rule = rule_for(train, held_out[torch.randperm(200)])
    found = copies(torch.cat([train[20:40], torch.randn(60, 10)]), rule)
    assert rule.threshold == 0
    assert found.share.value == 0.25
    assert rule.false_alarms.value == pytest.approx(0.1)


def test_ratios_by_hand():
    assert ratios(torch.tensor([[1.0, 2, 3, 5], [0, 0, 0, 0], [2, 2, 2, 2]])).tolist() == [0.25, 0, 1]


def test_alarms_are_counted_by_the_other_half_s_rule():
    """Every second one is far nearer than the rest: half of the others' 1% quantile takes them all for copies."""
    assert _alarms(torch.tensor([0.1, 1.0] * 30)) == 30


def test_what_cannot_be_told_is_refused():
    x = torch.randn(100, 3)
    with pytest.raises(ValueError, match="needs 50 real examples, got 40"):
        rule_for(x[:20], torch.randn(20, 3))
    with pytest.raises(ValueError, match="identical"):
        copies(x, rule_for(x, torch.randn(100, 3)))
