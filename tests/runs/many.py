"""Every small recipe trained in float64 by two processes and by one, and how far apart they end.

    python -m tests.runs.many                             starts them all and prints a table
    python -m tests.runs.many FOLDER [whole] [sharded] [bf16]    is one of them, and writes down what it came to

sharded, bf16: only models that can be, cut among the processes where there are several; the second in bf16.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tests.runs.launch import ROOT, started
from tests.runs.small import SMALL, Small
from torch import nn

from genlab import Budget, Engine, build, fit, recipe_for
from genlab.core.model import Model
from genlab.core.moves import Descend, Now, Readings, Stage
from genlab.core.recipe import Optim, Recipe, replaced, settings
from genlab.core.space import Batch, Space
from genlab.nets.batchnorm import BatchNorm
from genlab.runs import processes, shards
from genlab.runs.files import read_tensors, write_tensors

STEPS = 12
COUPLED = {  # settings under which examples know of one another
    "vae free bits": ("vae", {"model.importance_samples": 1, "model.free_bits": 0.1}),
    "vqvae gradient": ("vqvae", {"model.codebook_update": "gradient"}),
    "gan wasserstein": ("gan", {"model.loss": "wasserstein"}),
    "ddpm bound": ("ddpm", {"model.loss_weighting": "bound"}),
    "rbm from data": ("rbm", {"model.negative_phase": "cd"}),
}
SMALL_OF = {small.model: small for small in SMALL}
CASES = {small.model: (small, {}) for small in SMALL}
CASES |= {name: (SMALL_OF[model], more) for name, (model, more) in COUPLED.items()}
SHARDED = {name: CASES[name] for name in ("gpt", "ddpm", "flow-matching", "ddpm bound")} | {
    "gpt of three layers": (SMALL_OF["gpt"], {
        "model.layers": 3, "model.positions": "learned", "model.norm": "layer", "model.tied": False, "model.width": 14,
        "optim.name": "adamw", "optim.clip": 0.5,
    }),
    "ddpm muon": (SMALL_OF["ddpm"], {"model.width": 7, "model.depth": 3, "optim.name": "muon"}),
    "gpt sgd": (SMALL_OF["gpt"], {"optim.name": "sgd", "optim.rate": 0.1}),
    "flow-matching rmsprop": (SMALL_OF["flow-matching"], {"optim.name": "rmsprop"}),
    "ddpm unet": (Small("ddpm", "digits", {"model.width": 6, "model.depth": 1, "model.sampling_steps": 4, "batch": 8}), {}),
}  # fmt: skip


BF16 = ("gpt", "gpt of three layers", "ddpm unet")  # without gains of a norm, with them, and with convolutions


def coupled(world: int, rank: int) -> dict[str, torch.Tensor]:
    """Gradients of losses that know of all rows, through the mean over processes and through their gathered rows."""
    rows = torch.linspace(-1, 1, 12, dtype=torch.float64).view(4, 3)
    parts = [part.clone().requires_grad_() for part in rows.chunk(2)]

    def loss(part: torch.Tensor, mean: torch.Tensor, everything: torch.Tensor) -> torch.Tensor:
        return mean.exp() * part.square().sum() + (everything @ part.T).sigmoid().sum()

    if world == 1:
        mean, everything = sum(part.sum() for part in parts) / 2, torch.cat(parts)
        assert isinstance(mean, torch.Tensor)
        sum(loss(part, mean, everything) for part in parts).backward()  # pyright: ignore[reportAttributeAccessIssue]
    else:
        part = parts[rank]
        loss(part, processes.mean(part.sum()), processes.gather(part)).backward()
    return {str(number): part.grad for number, part in enumerate(parts) if part.grad is not None}


class Normalised(Model):
    """A batch norm between two maps, and a second player that sees it in train mode too."""

    def __init__(self) -> None:
        super().__init__(Space((3, 4), "CT", "real"))
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Conv1d(3, 5, 2), BatchNorm(5), nn.Tanh(), nn.Conv1d(5, 2, 1))
        self.judge = nn.Linear(6, 1)

    def stages(self) -> Iterator[Stage]:
        yield Stage("play", [Descend("net", [self.net], self.loss), Descend("judge", [self.judge], self.loss)])

    def loss(self, batch: Batch, now: Now) -> tuple[torch.Tensor, Readings]:
        said = self.judge(self.net(batch.x).flatten(1))
        return (said - batch.x.square().sum((1, 2))[:, None]).square().mean(), {}

    def sample(self, n: int, given: Any = None, *, noise: Any, **options: Any) -> Iterator[torch.Tensor]:
        yield noise.normal((3, 4))


class Uneven:
    """Rows that rise: the halves of a batch have other means than the whole."""

    space, given, paired = Space((3, 4), "CT", "real"), {}, False

    def count(self, split: str) -> int:
        return 100

    def stream(self, split: str, cursor: int, n: int) -> Batch:
        rows = torch.arange(cursor, cursor + n, dtype=torch.float64) % 100
        return Batch((rows[:, None] * torch.arange(1, 13, dtype=torch.float64)).sin().view(n, 3, 4) + rows[:, None, None] / 50)

    def once(self, split: str, cursor: int, n: int) -> Batch:
        return self.stream(split, cursor, max(0, min(n, 100 - cursor)))


def normalised(engine: Engine) -> dict[str, torch.Tensor]:
    """What a batch norm has learnt, its running statistics, and what it says in eval mode."""
    made = Normalised().double()
    recipe = Recipe("normalised", None, Budget(steps=STEPS), batch=8, optim=Optim(rate=0.05))
    for _ in fit(made, Uneven(), recipe, engine):
        pass
    return {**engine.weights(), "said": made.net(Uneven().stream("train", 0, 5).x)}


def main(place: Path, kinds: Sequence[str]) -> None:
    torch.set_num_threads(1)
    for kind in kinds:
        cases = {"whole": CASES, "sharded": SHARDED, "bf16": {name: SHARDED[name] for name in BF16}}[kind]
        for name, (small, more) in cases.items():
            train_case(place, f"{name} in bf16" if kind == "bf16" else name, kind, small, more)
    if "whole" in kinds:
        engine = Engine("cpu")
        rank, world = engine.processes.process_index, engine.processes.num_processes
        write_tensors(place / f"coupled-{world}-{rank}", coupled(world, rank), {})
        write_tensors(place / f"normalised-{world}-{rank}", normalised(engine), {})
    processes.state().destroy_process_group()


def train_case(place: Path, name: str, kind: str, small: Small, more: dict[str, Any]) -> None:
    """Trains a case, and writes its weights, averages and losses under this name."""
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    engine = Engine("cpu", "bf16" if kind == "bf16" else "auto", shard=kind != "whole" and several)
    data = small.data()
    recipe = recipe_for(small.model, data.space, data.given, {**small.settings, **more})
    dropout = {key: 0.0 for key in settings(recipe) if key.endswith("dropout")}  # each process draws its own
    recipe = replace(replaced(recipe, dropout), budget=Budget(steps=STEPS))
    made = build(recipe, data.space, data.given).to(torch.float32 if kind == "bf16" else torch.float64)
    ticks = list(fit(made, data, recipe, engine))
    losses = [float(tick.readings["loss"]) for tick in ticks if "loss" in tick.readings]
    tensors = {**engine.weights(), **{f"average.{key}": value for key, value in engine.weights(averaged=True).items()}}
    file = place / f"{name}-{engine.processes.num_processes}-{engine.processes.process_index}"
    held = {"held": sum(shards.local(value).numel() for value in made.parameters())} if kind != "whole" else {}
    write_tensors(file, tensors, {"turns": len(ticks), "examples": engine.examples, "losses": losses, **held})


def apart(place: Path, case: str) -> dict[str, float]:
    """The largest differences between one process and two: of weights and averages, relative of losses."""
    (whole, facts), (cut, others) = (read_tensors(place / f"{case}-{name}") for name in ("1-0", "2-0"))
    weights = max((float((whole[name].double() - cut[name].double()).abs().max()) for name in whole), default=0.0)
    losses = zip(facts["losses"], others["losses"], strict=True)
    return {"weights": weights, "losses": max((abs(one - two) / abs(one) for one, two in losses), default=0.0)}


def table() -> None:
    print("| model | weights and averages | losses | cut among two: weights and averages | losses |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        for kind, place in (("whole", one), ("sharded", two)):
            for count in (2, 1):
                found = started(["-m", "tests.runs.many", place, kind], count, ROOT)
                said = [process.communicate()[1] for process in found]
                if any(process.returncode for process in found):
                    raise SystemExit("\n".join(said))
        for case in {**CASES, **SHARDED}:
            cells = [apart(Path(place), case) if case in cases else None for place, cases in ((one, CASES), (two, SHARDED))]
            words = [f"{cell['weights']:.0e} | {cell['losses']:.0e}" if cell else " | " for cell in cells]
            print(f"| {case} | {' | '.join(words)} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or ["whole"]) if sys.argv[1:] else table()
