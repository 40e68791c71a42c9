"""A model that grows and keeps a pool: sampled from any checkpoint, resumed exactly, published without the pool."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F
from tests.runs.small import SMALL
from torch import Tensor, nn

from genlab import api
from genlab.core.fit import fit
from genlab.core.model import Model
from genlab.core.moves import Apply, Descend, Now, Readings, Stage
from genlab.core.noise import Noise
from genlab.core.recipe import Budget, Optim, Recipe
from genlab.core.space import Batch, Space
from genlab.runs import manifest
from genlab.runs.engine import Engine
from genlab.runs.files import Damaged, read_tensors
from genlab.runs.folder import Folder
from genlab.runs.train import Recorder, training
from genlab.runs.weights import copy_into

SPACE = Space((1, 4, 4), "CHW", "real")
RECIPE = Recipe("growing", None, Budget(steps=12), batch=4, optim=Optim(rate=0.05, half_life=20.0))


class Pool(nn.Module):
    """The last examples that were drawn."""

    training_state: ClassVar[tuple[str, ...]] = ("rows",)

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("rows", torch.zeros(3, 1, 4, 4))


class Growing(Model):
    """One block, then two: the second fades in while its stage goes on (Karras et al., progressive growing, 2018)."""

    level: Tensor
    fade: Tensor

    def __init__(self) -> None:
        super().__init__(SPACE)
        torch.manual_seed(0)
        self.blocks = nn.ModuleList([nn.Linear(2, 4), nn.Conv2d(1, 1, 3, padding=1)])
        self.pool = Pool()
        self.register_buffer("level", torch.zeros((), dtype=torch.long))
        self.register_buffer("fade", torch.ones(()))

    def stages(self) -> Iterator[Stage]:
        for level, block in enumerate(self.blocks):
            owned = [*self.blocks[:level], block]
            owns = [self.level, self.fade, self.pool]
            grow = Apply("grow", owns, lambda batch, now, level=level: self.grow(level, now))
            yield Stage(f"level {level}", [grow, Descend("generator", owned, self.loss)], share=0.5, batch=4 >> level)

    def grow(self, level: int, now: Now) -> Readings:
        self.level.fill_(level)
        self.fade.fill_(min(1.0, 2 * now.progress) if level else 1.0)
        self.pool.rows.copy_(torch.cat([self.pool.rows[1:], self.made(now.noise.normal((2,))[:1])]))
        return {"fade": self.fade}

    def loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        return (self.made(now.noise.normal((2,))) - batch.x - self.pool.rows.mean()).square().mean(), {}

    def made(self, z: Tensor) -> Tensor:
        coarse = F.interpolate(self.blocks[0](z).view(-1, 1, 2, 2), scale_factor=2)
        return torch.lerp(coarse, self.blocks[1](coarse), self.fade) if self.level else coarse

    def sample(self, n: int, given: Any = None, *, noise: Any, **options: Any) -> Iterator[Tensor]:
        yield self.made(noise.normal((2,)))


class Pictures:
    space, given, paired = SPACE, {}, False

    def count(self, split: str) -> int:
        return 100

    def stream(self, split: str, cursor: int, n: int) -> Batch:
        return Batch(torch.arange(cursor * 16, (cursor + n) * 16).view(n, 1, 4, 4).float().sin())

    def once(self, split: str, cursor: int, n: int) -> Batch:
        return self.stream(split, cursor, n)


def drawn(model: Growing) -> Tensor:
    with torch.no_grad():
        return next(model.sample(3, noise=Noise(1, 3)))


def begun(path: Path) -> tuple[Folder, Growing, Recorder]:
    folder = Folder(path)
    folder.create({"recipe": {"name": "growing", "budget": {}}, "space": {}, "given": {}})
    return folder, Growing(), Recorder(folder, Engine("cpu"), save_every=1)


@pytest.mark.parametrize("stop", [3, 8, 10])
def test_a_checkpoint_on_the_way_is_sampled_without_replaying_stages(tmp_path: Path, stop: int) -> None:
    """In the first stage, while the second block fades in, and after that."""
    folder, model, recorder = begun(tmp_path / "run")
    wanted, closed = {}, 0
    for tick in training(recorder, model, Pictures(), RECIPE):
        closed += tick.closes
        if tick.closes and closed == stop:
            wanted[False] = drawn(model)
            with recorder.engine.averaged():
                wanted[True] = drawn(model)
        if closed > stop:  # the kill: nothing is saved any more
            break
    for averaged, samples in wanted.items():
        found = Growing()
        copy_into(found, folder.weights(averaged)[0])
        assert torch.equal(drawn(found), samples)
    assert not torch.equal(wanted[True], wanted[False])


def test_what_only_training_needs_is_resumed_and_not_published(tmp_path: Path) -> None:
    folder, model, recorder = begun(tmp_path / "run")
    for tick in training(recorder, model, Pictures(), RECIPE):
        if tick.step == 3 and tick.closes:
            pool = model.pool.rows.clone()
        if tick.step == 4 and tick.closes:
            break
    state = folder.state()
    assert state is not None
    assert torch.equal(state[0]["training.pool.rows"], pool)
    for name in ("weights.safetensors", "average.safetensors"):
        assert "pool.rows" not in read_tensors(folder.path / name)[0]
    again, whole = Engine("cpu"), Engine("cpu")
    list(fit(Growing(), Pictures(), RECIPE, again, checkpoint=state))
    list(fit(Growing(), Pictures(), RECIPE, whole))
    one, two = whole.state()[0], again.state()[0]
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    with pytest.raises(ValueError, match=r"belong to another model: pool\.rows"):
        copy_into(Growing(), whole.weights(), {"pool.rows": torch.zeros(2, 1, 4, 4)})


def test_chains_stay_with_training_and_weights_alone_are_sampled(tmp_path: Path) -> None:
    small = next(small for small in SMALL if small.model == "rbm")
    made = small.session(tmp_path / "run", 20, save_every=5)
    for tick in made:
        if tick.closes and tick.step == 10:
            made.keep_best({"score": "x", "cost": 1.0, "examples": tick.examples})
    for name in ("weights.safetensors", "average.safetensors", "best.safetensors"):
        found = read_tensors(tmp_path / "run" / name)[0]
        assert "W" in found
        assert not {"chain", "chain_label"} & found.keys()
    wanted = made.run().sample(3, averaged=False)
    (tmp_path / "alone").mkdir()
    (tmp_path / "run" / "weights.safetensors").rename(tmp_path / "alone" / "weights.safetensors")
    assert torch.equal(api.load(tmp_path / "alone", "cpu").sample(3), wanted)
    with pytest.raises(ValueError, match="not what it is made of: these weights belong to another model: chain"):
        api.resume(tmp_path / "run", "cpu", out=tmp_path / "fork", settings={"model.chains": 9}, more=Budget(steps=5))
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["recipe"]["model"]["chains"] == 8


class Handing(Growing):
    """The second stage trains its own block alone."""

    def stages(self) -> Iterator[Stage]:
        for level, (name, block) in enumerate(zip(("first", "second"), self.blocks, strict=True)):
            self.level.fill_(level)
            yield Stage(name, [Descend(name, [block], self.loss)], share=0.5)


def test_averages_of_an_earlier_stage_are_not_taken_for_those_of_the_last(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "run")
    folder.create({"recipe": {"name": "handing", "budget": {}}, "space": {}, "given": {}})
    recipe = replace(RECIPE, optim=Optim(rate=0.05), moves={"first": {"half_life": 20.0}})
    model, seen = Handing(), set()
    for tick in training(Recorder(folder, Engine("cpu"), save_every=1), model, Pictures(), recipe):
        seen.add((tick.stage, (tmp_path / "run" / "average.safetensors").exists()))
    assert (0, True) in seen
    weights, averaged = folder.weights()
    assert not averaged
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in weights.items())
    assert "average.safetensors" not in folder.manifest.read()["files"]


@pytest.mark.parametrize("at", ["removal", "manifest", "rename"])
def test_a_save_that_drops_averages_may_break_off_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    """After the file is gone, and after the manifest no longer names it: one whole set of weights is left, and goes on."""

    def broken(*_: Any) -> None:
        raise KeyboardInterrupt

    def after_removal(path: Path) -> None:
        path.unlink()
        raise KeyboardInterrupt

    recipe = replace(RECIPE, optim=Optim(rate=0.05), moves={"first": {"half_life": 20.0}})
    folder = begun(tmp_path / "run")[0]
    ticks = training(Recorder(folder, Engine("cpu"), save_every=1), Handing(), Pictures(), recipe)
    assert next(tick for tick in ticks if tick.stage == 1).step == 0
    averaged, raw = folder.weights()[0], folder.weights(averaged=False)[0]
    with monkeypatch.context() as patch:
        if at == "removal":
            patch.setattr(manifest, "remove", after_removal)
        else:
            patch.setattr(*((manifest.Manifest, "_write") if at == "manifest" else (manifest, "replace")), broken)
        with pytest.raises(KeyboardInterrupt):
            next(ticks)
    assert not (folder.path / "average.safetensors").exists()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Damaged)  # it says that those of the checkpoint are used
        found, are_averaged = folder.weights()
        assert folder.keeps("average.safetensors") == are_averaged == (at != "rename")
    assert all(torch.equal(value, (averaged if are_averaged else raw)[name]) for name, value in found.items())
    whole = Handing()
    list(fit(whole, Pictures(), recipe, Engine("cpu")))
    for _ in training(Recorder(folder, Engine("cpu")), Handing(), Pictures(), recipe, resume=True):
        pass
    found, are_averaged = folder.weights()
    assert not are_averaged
    assert all(torch.equal(value, whole.state_dict()[name]) for name, value in found.items())


def test_a_buffer_that_is_not_saved_cannot_be_training_state() -> None:
    class Odd(Growing):
        training_state: ClassVar[tuple[str, ...]] = ("pol",)

    with pytest.raises(ValueError, match="training_state names pol, and the model saves no such buffer"):
        Engine("cpu").start(Odd(), Pictures(), RECIPE, None)
