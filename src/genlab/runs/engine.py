"""The engine: device, precision, clipping, learning rates, averaging, budget and state, none of which models see.

Processes come from accelerate (`accelerate launch`, torchrun). A model is never wrapped: the gradients of what a move owns are
averaged before its optimiser steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import broadcast, reduce
from torch import Tensor, nn

from genlab.core.data import Data
from genlab.core.finite import NonFiniteError
from genlab.core.model import Model
from genlab.core.moves import Descend, Move, Now, Stage, stepped
from genlab.core.noise import BatchNoise, hashed
from genlab.core.plan import Planned, check_moves, planned
from genlab.core.recipe import Recipe
from genlab.core.space import Batch
from genlab.runs import processes, shards
from genlab.runs.average import Average
from genlab.runs.clock import ProgressTracker
from genlab.runs.optimise import factor, optimisers, set_rates
from genlab.runs.state import pack_optimisers, unpack_optimisers
from genlab.runs.weights import MODEL, TRAINING, aliases, copy_into, named, prepared, split

PRECISIONS = ("float32", "bf16")
COUNTERS = ("stage", "step", "steps", "cursor", "examples", "scale", "steered")
ORIGINS, STRIDE = 2**20, 2**40  # where in the endless stream a seed begins: another order of the data for each


class Engine:
    """Drives one `fit`.

    device      "auto" (a GPU when there is one), "cpu", "cuda", "cuda:1", "mps"
    precision   "auto" (bf16 on a GPU that computes in it, float32 elsewhere), "float32", "bf16"
    schedule    rows of a schedule.json to repeat instead of measuring time
    shard       cut the model among the processes; all of them must then call every method that reads its weights
    """

    def __init__(
        self, device: str = "auto", precision: str = "auto", schedule: list[list[int]] | None = None, shard: bool = False
    ):
        self.processes = processes.state()
        self.sharded = shards.requested(shard, self.processes)
        self.device = _device(device, self.processes)
        if precision not in ("auto", *PRECISIONS):
            raise ValueError(f"--precision {precision}: choose auto, {' or '.join(PRECISIONS)}")
        self.precision = ("bf16" if _has_bf16(self.device) else "float32") if precision == "auto" else precision
        self._schedule = schedule
        self.stage = self.step = self.steps = self.cursor = self.examples = 0  # step: of the stage; steps: of the run
        self.plan: list[Planned] = []
        self._planned: Model | None = None  # whose plan it is
        self.samples = True  # whether those of this stage mean something
        self.scale = 1.0  # of all learning rates; halved where a run that broke down goes on
        self.only: set[str] | None = None  # names of the moves that take turns; None: all
        self.steered = False  # whether `only` was ever set: such a run cannot be repeated
        self.replicates = False  # whether the first process keeps a whole copy of a sharded model, to draw and score with

    # --- what fit asks for -------------------------------------------------------------------------------------------

    def start(
        self, model: Model, data: Data, recipe: Recipe, checkpoint: tuple[dict[str, Tensor], dict[str, Any]] | None
    ) -> None:
        self.data, self.recipe = data, recipe
        cut = any(shards.is_part(parameter) for parameter in model.parameters())  # by an earlier start
        if self._planned is not model:  # a second start, after a breakdown or a loop that was left, finds it trained or cut
            self.plan, self._planned = planned(model), model
        check_moves(recipe, self.plan)
        for stage in self.plan:
            self.divide(recipe.batch if stage.batch is None else stage.batch, f"stage {stage.name}: ")
        if self.sharded and not cut:
            self._replica = shards.Replica(model, self.main and self.replicates)
            shards.cut(model, self.device, self.precision)
        self.model = model if self.sharded else prepared(model, self.device)
        self.progress = ProgressTracker(recipe.budget, self._schedule, self._agreed)
        self.average = Average(self.model)
        split(self.model)  # ValueError where its training state is none
        self._handed: list[str] = []  # what took its average when the last stage ended, and what it was before
        self._raw: Sequence[tuple[Tensor, Tensor]] = ()
        self.stage = self.step = self.steps = self.cursor = self.examples = 0
        self._origin = hashed(recipe.seed, "order") % ORIGINS * STRIDE if recipe.seed else 0
        self._pending = checkpoint
        if checkpoint is not None:
            with _fitting():
                self.stage = range(len(self.plan))[checkpoint[1]["stage"]]
        self.progress.clock.resume()

    def approach(self, number: int) -> None:
        _reseed(hashed(self.recipe.seed, "stages", number), self.device)  # the same in all processes

    def divide(self, batch: int, where: str = "") -> None:
        """ValueError where a batch cannot be shared out evenly."""
        if batch < 1 or batch % self.processes.num_processes:
            raise ValueError(f"{where}a batch of {batch} does not divide among {self.processes.num_processes} processes")

    def enter(self, number: int, stage: Stage) -> None:
        self.progress.clock.pause()  # torch takes seconds to import what a first optimiser needs: that is no training
        if self._pending is not None:
            with _fitting():
                copy_into(self.model, named(MODEL, self._pending[0]), named(TRAINING, self._pending[0]))
        self.stage, self.step, self._passes, self._raw = number, 0, stage.passes, ()
        self.batch_size = self.recipe.batch if stage.batch is None else stage.batch
        self.samples = stage.samples
        self.progress.enter(number, stage.share, stage.passes, self.data.count("train"), self.batch_size)
        descents = [move for move in stage.moves if isinstance(move, Descend)]
        for move in descents if self.sharded else ():
            move.loss = shards.gathering(self.model, move.loss)
        owned = stepped(stage)
        self.optim = {name: self.recipe.optim_of(name) for name in owned}
        self.optimisers = {name: optimisers(self.optim[name], parameters) for name, parameters in owned.items()}
        self.average.forget(self._handed)
        self.average.begin(self._half_lives(owned))
        if self._pending is not None:
            with _fitting():
                self._load(*self._pending)
        self.progress.clock.resume()

    def proceed(self) -> float | None:
        progress = self.progress.at(self.stage, self.step)
        return progress if progress < 1 else None

    def fetch(self) -> Batch:
        world, rank = self.processes.num_processes, self.processes.process_index
        size = self.batch_size
        rows = size // world
        if self._passes is None:
            batch, self._taken = self.data.stream("train", self._origin + self.cursor + rank * rows, rows), size
        else:  # whole passes: the last batch of each is short
            count = self.data.count("train")
            first = self.step % -(-count // size) * size
            batch = self.data.once("train", first + rank * rows, rows)
            self._taken = min(size, count - first)
        self.batch = self._flipped(batch.to(self.device))
        return self.batch

    def now(self, move: str, progress: float, rows: int, notes: dict[str, Tensor]) -> Now:
        rank = self.processes.process_index
        seed = hashed(self.recipe.seed, self.stage, self.step, move)
        _reseed(hashed(seed, rank), self.device)
        noise = BatchNoise(seed, rows, rank * rows, rows * self.processes.num_processes, self.device)
        if self.processes.num_processes == 1:
            return Now(self.step, progress, noise, notes)
        return Now(self.step, progress, noise, notes, processes.mean, processes.gather)

    def fires(self, move: Move) -> bool:
        """Whether the move is due by its `every`, and among the moves in `only` where a user steers by hand."""
        self.steered = self.steered or self.only is not None
        return (self.step + 1) % move.every == 0 and (self.only is None or move.name in self.only)

    def autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16) if self.precision == "bf16" else nullcontext()

    def descend(
        self, move: Descend, parameters: Sequence[nn.Parameter], loss: Tensor, progress: float
    ) -> tuple[Tensor, Tensor]:
        optim, found = self.optim[move.optimiser], self.optimisers[move.optimiser]
        for parameter in parameters:
            parameter.grad = None
        loss.backward()
        if self.processes.num_processes > 1:
            loss = _average_gradients(parameters, loss)
        norm = shards.whole(torch.nn.utils.get_total_norm([value.grad for value in parameters if value.grad is not None]))
        if not (loss.detach().isfinite() & norm.isfinite()):
            what, value = ("gradient", norm) if loss.isfinite() else ("loss", loss)
            raise NonFiniteError(what, float(value.detach()))
        if optim.clip:
            torch.nn.utils.clip_grads_with_norm_(parameters, optim.clip, norm)
        set_rates(found, self.scale * factor(optim, progress))
        for optimiser in found:
            optimiser.step()
        return loss, norm

    def on_any_rank(self, flag: bool) -> bool:
        return processes.on_any_rank(flag)

    def close(self) -> None:
        self.step += 1
        self.steps += 1
        self.cursor += self._taken
        self.examples += self._taken
        self.average.update(self._taken)

    def leave(self) -> None:
        """Give parameters that no later stage trains their averages; raw values are kept in case this was the last stage."""
        later = {name for stage in self.plan[self.stage + 1 :] for names in stage.trains.values() for name in names}
        self._handed = [name for name in self.average.values if name not in later]
        self._raw = self.average.hand_over(self._handed)

    @torch.no_grad()
    def finish(self) -> None:
        for live, raw in self._raw:
            live.copy_(raw)
        self.model.requires_grad_(False)
        self.progress.clock.pause()

    def pause(self) -> None:
        self.progress.clock.pause()

    def resume(self) -> None:
        self.progress.clock.resume()

    def overall(self) -> float:
        return self.progress.overall(self.stage, self.step)

    # --- what consumers ask for between ticks ------------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        """Time spent inside `fit`."""
        return self.progress.clock.now()

    @property
    def main(self) -> bool:
        """Whether this process is the one that writes."""
        return self.processes.is_main_process

    @contextmanager
    def averaged(self) -> Iterator[Model]:
        """The model with its averaged weights, in eval mode; the raw ones are back afterwards.

        Of a sharded model it is the first process's whole copy, which `gather` must have updated at this step.
        """
        if self.sharded:
            with self._replica.at((self.stage, self.step)) as model:
                yield prepared(model, self.device)
            return
        self.average.swap()
        try:
            yield self.model
        finally:
            self.average.swap()

    def weights(self, averaged: bool = False) -> dict[str, Tensor]:
        """Parameters and saved buffers by name, contiguous, on the CPU; averaged where they have an average.

        Buffers that only training needs (`training_state`) are left out.
        """
        found, _ = split(self.model)
        if averaged:
            found = {name: self.average.of(value) for name, value in found.items()}
        return {name: self._whole(value) for name, value in found.items()}

    def gather(self) -> None:
        """Update the first process's whole copy of a sharded model with its averaged weights.

        All processes must call it, between closed steps.
        """
        self._replica.update(self.weights(averaged=True), (self.stage, self.step))

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """(tensors, JSON record) of everything that resuming needs. Valid between closed steps."""
        tensors = {MODEL + name: value for name, value in self.weights().items()}
        tensors |= {TRAINING + name: self._whole(value) for name, value in split(self.model)[1].items()}
        tensors |= {f"average.{name}": self._whole(value) for name, value in self.average.values.items()}
        packed, numbers = pack_optimisers(self.optimisers, self._whole)
        record = {name: getattr(self, name) for name in COUNTERS}
        record |= {"progress": self.progress.state(), "seen": self.average.seen, "optimisers": numbers}
        record |= {"overall": self.overall(), "aliases": aliases(self.model)}
        return tensors | packed, record

    @torch.no_grad()
    def _load(self, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> None:
        for name in COUNTERS:
            setattr(self, name, record[name])
        self._pending = None
        if record["progress"] is None:  # the checkpoint at step 0: nothing has been averaged or moved
            return
        self.average.load(named("average.", tensors), record["seen"])
        unpack_optimisers(self.optimisers, tensors, record["optimisers"])
        self.progress.load(record["progress"])

    def _half_lives(self, owned: Mapping[str, Sequence[nn.Parameter]]) -> dict[str, float]:
        """Half-lives by parameter name; the longest where several optimisers step one."""
        names = {id(value): name for name, value in self.model.named_parameters()}
        found: dict[str, float] = {}
        for optimiser, parameters in owned.items():
            if not all(id(parameter) in names for parameter in parameters):
                raise ValueError(
                    f"{optimiser} owns parameters that are no part of the model, and would not be saved; make them attributes "
                    "of the model, or of a module that is one"
                )
            for name in (names[id(parameter)] for parameter in parameters):
                found[name] = max(found.get(name, 0.0), self.optim[optimiser].half_life)
        return found

    def _whole(self, value: Tensor) -> Tensor:
        """A whole copy on the CPU of a tensor, on the process that writes; the others only take part in gathering it."""
        value = shards.whole(value.detach())
        return value.to("cpu", copy=True).contiguous() if self.main or not self.sharded else value.new_empty(0)

    def _agreed(self, mark: int) -> int:
        """The first process's measure of time, on all processes."""
        if self.processes.num_processes == 1:
            return mark
        shared = broadcast(torch.tensor(mark, device=self.device))
        assert isinstance(shared, Tensor)
        return int(shared)

    def _flipped(self, batch: Batch) -> Batch:
        if not (self.recipe.flip and self.data.space.picture):
            return batch
        rows, rank = len(batch.x), self.processes.process_index
        seed = hashed(self.recipe.seed, "flip", self.cursor)
        coins = BatchNoise(seed, rows, rank * rows, rows * self.processes.num_processes, self.device).uniform((1, 1, 1))

        def mirrored(x: Tensor) -> Tensor:
            return torch.where(coins < 0.5, x.flip(-1), x)

        given = {key: mirrored(value) if self.data.given[key].picture else value for key, value in batch.given.items()}
        seen = None if batch.seen is None else mirrored(batch.seen)
        return batch._replace(x=mirrored(batch.x), given=given, seen=seen)


@contextmanager
def _fitting() -> Iterator[None]:
    """Turns the errors that a checkpoint of another model causes into one sentence."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:80]
        raise ValueError(
            f"the checkpoint is not one of this model ({type(error).__name__}: {reason}); restore it from a copy or train again"
        ) from None


def _has_bf16(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def _device(name: str, processes: PartialState) -> torch.device:
    if name == "auto":
        return torch.device(processes.device or "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"--device {name}: not available here ({str(error).splitlines()[0]}); try --device cpu") from None
    return device


def _reseed(seed: int, device: torch.device) -> None:
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        torch.manual_seed(seed)


def _average_gradients(parameters: Sequence[nn.Parameter], loss: Tensor) -> Tensor:
    """One bucket: flatten, average over processes, scatter back; the mean loss, which all then find finite or not."""
    found: list[Tensor] = [parameter.grad for parameter in parameters if parameter.grad is not None]
    held = [gradient for gradient in found if not shards.is_part(gradient)]  # those of a sharded model are averaged already
    flat = reduce(torch.cat([loss.detach().flatten(), *(gradient.flatten() for gradient in held)]), "mean")
    assert isinstance(flat, Tensor)
    for gradient, part in zip(held, flat[1:].split([gradient.numel() for gradient in held]), strict=True):
        gradient.copy_(part.view_as(gradient))
    return flat[0]
