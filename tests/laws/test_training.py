"""Laws 4 and 5: a move changes only what it owns; the same seed gives the same run, also after a stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from genlab.core.fit import fit
from genlab.core.moves import Descend, owned_parameters, owned_tensors
from genlab.core.recipe import Budget
from genlab.runs.engine import Engine
from genlab.runs.files import read_tensors, write_tensors
from genlab.runs.weights import copy_into
from tests.laws.tiny import CASES, Case, conditions_of, drawn, each, rows_of

STEPS = 12


class Watching(Engine):
    """An engine that remembers which parameters had a gradient when a move descended."""

    def start(self, *arguments: Any) -> None:
        self.moved: list[Any] = []
        self.without: dict[str, set[str]] = {}
        super().start(*arguments)

    def enter(self, number: int, stage: Any) -> None:
        self.moves = {move.name: move for move in stage.moves}
        super().enter(number, stage)

    def descend(self, move: Descend, parameters: Sequence[nn.Parameter], loss: torch.Tensor, progress: float) -> Any:
        found = super().descend(move, parameters, loss, progress)
        names = {id(value): name for name, value in self.model.named_parameters()}
        missing = {names[id(p)] for p in owned_parameters(move.owns) if p.grad is None}
        self.without[move.name] = self.without.get(move.name, missing) & missing
        return found


def short(case: Case, steps: int = STEPS) -> Any:
    return replace(case.recipe(), budget=Budget(steps=steps))


@each(CASES)
def test_a_move_changes_only_what_it_owns(case: Case) -> None:
    model, engine = case.build(), Watching("cpu")

    def snapshot() -> dict[str, torch.Tensor]:
        return {name: value.detach().clone() for name, value in (*model.named_parameters(), *model.named_buffers())}

    before, stage = None, -1
    for tick in fit(model, case.data, short(case), engine):
        after = snapshot()
        assert all(value.isfinite().all() for value in after.values() if value.is_floating_point())
        if before is not None and tick.stage == stage:
            owned = owned_tensors(engine.moves[tick.move].owns)
            live = dict((*model.named_parameters(), *model.named_buffers()))
            strangers = [name for name in after if id(live[name]) not in owned and differs(before[name], after[name])]
            assert not strangers, f"{tick.move} changed {strangers[:3]}"
        before, stage = after, tick.stage
    for move, names in engine.without.items():
        assert not names, f"{move} owns {sorted(names)[:3]}, which never had a gradient"


def differs(one: torch.Tensor, two: torch.Tensor) -> bool:
    return one.shape != two.shape or not torch.equal(one, two)


def finished(case: Case, checkpoint: Any = None, stop: int | None = None) -> tuple[Any, Engine, list[Any]]:
    model, engine, heard = case.build(), Engine("cpu"), []
    for closed, tick in enumerate(fit(model, case.data, short(case), engine, checkpoint=checkpoint)):
        heard.append((*tick[:4], {name: float(value) for name, value in tick.readings.items()}))
        if stop is not None and tick.closes and closed >= stop:
            break
    return model, engine, heard


def equal_weights(one: Engine, two: Engine) -> bool:
    """With their averages, the state of their optimisers, and what else training needs."""
    a, b = one.state()[0], two.state()[0]
    return set(a) == set(b) and all(torch.equal(a[name], b[name]) for name in a)


@each(CASES)
def test_the_same_seed_gives_the_same_ticks(case: Case) -> None:
    _, first, heard = finished(case)
    torch.manual_seed(99)  # nothing outside may matter
    _, second, again = finished(case)
    assert heard == again
    assert equal_weights(first, second)


@each(CASES)
def test_a_resumed_run_ends_where_the_uninterrupted_one_does(case: Case, tmp_path: Path) -> None:
    _, whole, heard = finished(case)
    for stop in sorted({0, len(heard) // 2, max(0, len(heard) - 2)}):
        _, stopped, _ = finished(case, stop=stop)
        tensors, record = stopped.state()
        write_tensors(tmp_path / "state.safetensors", tensors, {"record": record})
        tensors, metadata = read_tensors(tmp_path / "state.safetensors")
        _, resumed, rest = finished(case, checkpoint=(tensors, metadata["record"]))
        assert equal_weights(whole, resumed), f"stopped after tick {stop}"
        assert rest == heard[len(heard) - len(rest) :]


@each(CASES)
def test_saved_and_loaded_weights_give_the_same_samples(case: Case, tmp_path: Path) -> None:
    model, engine, _ = finished(case)
    write_tensors(tmp_path / "weights.safetensors", engine.weights(), {})
    fresh = case.build()
    copy_into(fresh, read_tensors(tmp_path / "weights.safetensors")[0])
    given = conditions_of(case)[-1]
    assert torch.equal(drawn(model.eval(), 8, given), drawn(fresh.eval(), 8, given))


@each(CASES)
def test_a_sample_does_not_depend_on_its_batch(case: Case) -> None:
    """Rows 4 to 7 drawn alone are rows 4 to 7 of eight, to 1e-4 of the range; levels and tokens exactly in float64."""
    from genlab.core.noise import Noise

    model = finished(case)[0].double().eval()
    given = conditions_of(case)[-1]
    draws = []
    for rows in (range(8), range(4, 8)):
        with torch.no_grad():
            *_, last = model.sample(len(rows), rows_of(given, len(rows)), noise=Noise(3, rows, dtype=torch.float64))
        draws.append(last)
    if case.data.space.discrete:
        assert torch.equal(draws[0][4:], draws[1])
    else:
        torch.testing.assert_close(draws[0][4:], draws[1], rtol=1e-4, atol=1e-4)
