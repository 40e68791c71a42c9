"""Stages, moves and checkpoints that cannot be trained are refused in a sentence; those that can be are started again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from tests.core.test_fit import Points
from tests.runs.two import RECIPE, Two, growing, ran
from torch import Tensor, nn

from genlab.core.fit import fit
from genlab.core.moves import Apply, Descend, Now, Readings, Stage
from genlab.core.space import Batch


def test_a_checkpoint_of_a_stage_that_the_model_lacks_is_refused() -> None:
    tensors, record = ran(growing, stop=8)[1].state()
    with pytest.raises(ValueError, match="the checkpoint is not one of this model"):
        ran(growing, checkpoint=(tensors, {**record, "stage": 2}))


def test_parameters_that_are_no_part_of_the_model_are_refused() -> None:
    outside = nn.Linear(2, 2)
    with pytest.raises(ValueError, match="lost owns parameters that are no part of the model"):
        ran(lambda model: iter([Stage("one", [Descend("lost", [outside], model.loss)])]))


def test_what_is_owned_may_be_gone_through_once_and_must_be_something() -> None:
    def stages(model: Two) -> Iterator[Stage]:
        yield Stage("all", [Descend("both", model.parameters(), model.loss)])

    def whole(model: Two) -> Iterator[Stage]:
        yield Stage("all", [Descend("both", [model.one, model.two], model.loss)])

    one, two = ran(stages)[0].state_dict(), ran(whole)[0].state_dict()
    assert all(torch.equal(one[name], two[name]) for name in two)
    for owns, wrong in ((nn.Linear(2, 2), "Linear"), (nn.Linear(2, 2).named_parameters(), "tuple"), (torch.ones(3), "Tensor")):
        with pytest.raises(ValueError, match=f"move lost: owns must be a list of modules, parameters and buffers; got {wrong}"):
            Apply("lost", owns, lambda batch, now: {})
    with pytest.raises(ValueError, match="move lost: owns must be a list"):
        Descend("lost", nn.Linear(2, 2), lambda batch, now: (batch.x.sum(), {}))


def test_a_model_that_keeps_what_it_computed_can_be_started_again() -> None:
    """As after a breakdown, or where a loop was left: the stages are known already, and it need not be copied anew."""

    def stages(model: Two) -> Iterator[Stage]:
        def loss(batch: Batch, now: Now) -> tuple[Tensor, Readings]:
            found = model.loss(batch, now)
            model.between = [found[0]]  # a tensor of the graph, which copy.deepcopy refuses
            return found

        yield Stage("all", [Descend("both", [model.one, model.two], loss)])

    whole = ran(stages)[1].state()
    model, engine, _ = ran(stages, stop=5)
    for _ in fit(model, Points(), RECIPE, engine, checkpoint=engine.state()):
        pass
    again = engine.state()
    assert all(torch.equal(whole[0][name], again[0][name]) for name in whole[0])


def descending(**options: Any) -> Callable[[Two], Iterator[Stage]]:
    """One stage with one move."""
    every, loss = options.pop("every", 1), options.pop("loss", None)

    def stages(model: Two) -> Iterator[Stage]:
        yield Stage("all", [Descend("one", [model.one], (lambda *_: loss(model)) if loss else model.loss, every)], **options)

    return stages


@pytest.mark.parametrize(
    ("stages", "sentence"),
    [
        (lambda model: None, r"Two.stages\(\) must yield stages; it returned NoneType"),
        (lambda model: iter(()), r"Two.stages\(\) yields no stage"),
        (descending(share=0.5), "the shares of the stages of Two must sum to 1, and sum to 0.5"),
        (descending(every=0), "move one: every must be at least 1, got 0"),
    ],
)
def test_stages_that_cannot_be_trained_are_said(stages: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ran(stages)


@pytest.mark.parametrize(
    "loss",
    [
        lambda model: model.one.weight.sum(),
        lambda model: (model.one.weight, {}),
        lambda model: (model.two.weight.sum(), {}),
        lambda model: (0.5, {}),
    ],
)
def test_a_loss_without_a_gradient_is_said(loss: Any) -> None:
    with pytest.raises(ValueError, match="the loss of move one must return a scalar tensor that depends on what the move owns"):
        ran(descending(loss=loss))
