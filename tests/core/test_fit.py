"""What `fit` promises: order, freezing, closing, modes, replay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from genlab.core.finite import NonFiniteError
from genlab.core.fit import fit
from genlab.core.model import Model
from genlab.core.moves import Apply, Descend, Now, Readings, Stage
from genlab.core.recipe import Budget, Optim, Recipe, setting
from genlab.core.space import Batch, Space
from genlab.runs.engine import Engine

SPACE = Space((2,), "D", "real")


@dataclass(frozen=True)
class Nothing:
    a: int = setting(1, "nothing")


class Points:
    space, given = SPACE, {}

    def count(self, split: str) -> int:
        return 10

    def stream(self, split: str, cursor: int, n: int) -> Batch:
        rows = (torch.arange(cursor, cursor + n) % 1000).float()
        return Batch(torch.stack([rows, -rows], 1))

    def once(self, split: str, cursor: int, n: int) -> Batch:
        return self.stream(split, cursor, max(0, min(n, 10 - cursor)))


class Game(Model):
    """Two players with a batch norm each, a counter, and a hand-over between two stages."""

    def __init__(self) -> None:
        super().__init__(SPACE)
        self.one = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        self.two = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout(0.5))
        self.register_buffer("seen", torch.zeros(()))
        self.log: list[Any] = []

    def stages(self) -> Iterator[Stage]:
        yield Stage("play", [Descend("one", [self.one], self.both), Descend("two", [self.two], self.both, every=2)], share=0.6)
        with torch.no_grad():
            self.two[0].bias.fill_(5.0)
        yield Stage("count", [Apply("count", [self.seen], self.count)], share=0.4, view=self.doubled)

    def both(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        assert self.training
        assert torch.is_grad_enabled()
        loss = self.two(self.one(batch.x)).square().mean()
        return loss, {"drawn": now.noise.normal((1,)).sum(), "progress": now.progress}

    def doubled(self, batch: Batch, now: Now) -> Batch:
        assert not self.training
        assert not torch.is_grad_enabled()
        return batch._replace(x=batch.x * 2)

    def count(self, batch: Batch, now: Now) -> Readings:
        self.seen += len(batch.x)
        self.log.append(batch.x.clone())
        return {"seen": self.seen}

    def sample(self, n: int, given: Any = None, *, noise: Any, **options: Any) -> Iterator[Tensor]:
        yield noise.normal((2,))


RECIPE = Recipe("game", Nothing(), Budget(steps=10), batch=4, optim=Optim(rate=0.1))


def run(recipe: Recipe = RECIPE, **options: Any) -> tuple[Game, Engine, list[Any]]:
    torch.manual_seed(0)
    model, engine = Game(), Engine("cpu")
    return model, engine, list(fit(model, Points(), recipe, engine, **options))


def test_turns_come_in_order_and_only_the_last_of_a_step_closes() -> None:
    _, engine, ticks = run()
    heard = [(tick.name, tick.step, tick.move, tick.closes) for tick in ticks]
    assert heard[:4] == [
        ("play", 0, "one", True),
        ("play", 1, "one", False),
        ("play", 1, "two", True),
        ("play", 2, "one", True),
    ]
    assert [tick.name for tick in ticks] == ["play"] * 9 + ["count"] * 4
    assert engine.examples == 40
    assert ticks[-1].progress == pytest.approx(1)


def test_only_what_is_owned_moves_and_gradients_stay_off_outside() -> None:
    torch.manual_seed(0)
    model, engine = Game(), Engine("cpu")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    ticks = fit(model, Points(), RECIPE, engine)
    next(ticks)
    after = model.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed == {name for name in after if name.startswith("one.")}  # batch statistics of player two as well
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_code_between_stages_sees_trained_weights_and_views_what_a_stage_sees() -> None:
    model, _, _ = run()
    assert (model.two[0].bias == 5).all()
    assert model.seen == 16
    assert torch.equal(model.log[0][:, 0], torch.tensor([24.0, 25, 26, 27]) * 2)


def test_passes_see_every_example_once() -> None:
    class Counting(Game):
        def stages(self) -> Iterator[Stage]:
            yield Stage("count", [Apply("count", [self.seen], self.count)], passes=2)

    model = Counting()
    ticks = list(fit(model, Points(), RECIPE, Engine("cpu")))
    assert [len(x) for x in model.log] == [4, 4, 2, 4, 4, 2]
    assert torch.cat(model.log)[:, 0].tolist() == [*range(10), *range(10)]
    assert ticks[-1].examples == 20


def test_draws_follow_seed_stage_step_and_move() -> None:
    _, _, ticks = run()
    drawn = [float(tick.readings["drawn"]) for tick in ticks if tick.name == "play"]
    assert len(set(drawn)) == len(drawn)
    _, _, again = run()
    assert drawn == [float(tick.readings["drawn"]) for tick in again if tick.name == "play"]
    _, _, other = run(replace(RECIPE, seed=1))
    assert drawn != [float(tick.readings["drawn"]) for tick in other if tick.name == "play"]


def test_time_between_ticks_does_not_count() -> None:
    import time

    model, engine = Game(), Engine("cpu")
    for _ in fit(model, Points(), RECIPE, engine):
        time.sleep(0.02)
    assert engine.seconds < 0.02 * 10


def test_a_run_in_seconds_repeats_from_its_schedule() -> None:
    recipe = replace(RECIPE, budget=Budget(seconds=0.3), optim=Optim(rate=0.1, half_life=20.0))
    torch.manual_seed(0)
    first, engine = Game(), Engine("cpu")
    for _ in fit(first, Points(), recipe, engine):
        pass
    rows = engine.progress.schedule
    assert rows[-1][2] == 1000
    torch.manual_seed(0)
    second, repeated = Game(), Engine("cpu", schedule=rows)
    for _ in fit(second, Points(), recipe, repeated):
        pass
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True))
    assert repeated.progress.schedule == rows


def test_learning_rates_follow_progress() -> None:
    optim = Optim(rate=1.0, warmup=0.5, decay="linear")
    from genlab.runs.optimise import factor

    assert factor(optim, 0.25) == pytest.approx(0.5)
    assert factor(optim, 0.5) == pytest.approx(1)
    assert factor(optim, 0.75) == pytest.approx(0.5)
    assert factor(replace(optim, decay="cosine", floor=0.1), 1.0) == pytest.approx(0.1)
    assert factor(replace(optim, decay="constant"), 0.99) == 1


def test_a_listener_may_leave_the_model_in_train_mode() -> None:
    """`Game.doubled`, the view of the second stage, asserts eval mode."""
    model = Game()
    for _ in fit(model, Points(), RECIPE, Engine("cpu")):
        assert not model.training
        model.train()
    assert not any(module.training for module in model.modules())


@pytest.mark.parametrize("error", [KeyboardInterrupt, NonFiniteError("loss", float("nan"))])
def test_a_turn_that_breaks_off_leaves_what_it_does_not_own(error: Any) -> None:
    model = Game()

    def broken(batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        model.both(batch, now)
        raise error

    model.stages = lambda: iter([Stage("play", [Descend("one", [model.one], broken)])])
    before = {name: value.clone() for name, value in model.state_dict().items() if not name.startswith("one.1")}
    with pytest.raises((KeyboardInterrupt, NonFiniteError)):
        list(fit(model, Points(), RECIPE, Engine("cpu")))
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())
    assert not any(module.training for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())
