"""The functions of Python users: open data, train a model on them, sample the run."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from inspect import signature
from itertools import count, islice
from pathlib import Path
from typing import Any

import torch

from genlab.core.conditions import Conditions, conditions, source_of
from genlab.core.data import Data
from genlab.core.fit import fit
from genlab.core.kinds import kind_of
from genlab.core.model import Model, Shards
from genlab.core.moves import Tick
from genlab.core.plan import check_moves, planned
from genlab.core.recipe import Budget, Recipe, replaced, to_json
from genlab.data import open
from genlab.outline import outline
from genlab.own import origin, registered
from genlab.recipes.fitting import fitted, unusual
from genlab.recipes.index import MODELS, that_use
from genlab.recipes.make import build, changed, class_of, recipe_for
from genlab.runs.engine import Engine
from genlab.runs.extend import extend, fork, last_checkpoint
from genlab.runs.files import Steered
from genlab.runs.folder import Folder
from genlab.runs.processes import agreed, main_first, on_main, several
from genlab.runs.train import OnNaN, Recorder, training
from genlab.runs.weights import copied, split
from genlab.trained import CHUNK, Run

__all__ = ["CHUNK", "Budget", "Engine", "Run", "Session", "build", "fit", "load", "open", "recipe_for", "resume", "train"]


KEEPING = ("save_every", "on_nan")  # options of a `Session` that users set


class Session:
    """One training in progress: iterating it trains and yields ticks; `stop()` after any closed tick saves the run.

    The command line or a notebook iterates it; `train` does the same in one call. After a loop that was left, another one
    continues from the last checkpoint.

    num_evals   at how many equal fractions of the run the main process gets a whole copy of a sharded model, to evaluate it
    """

    num_evals = 0

    def __init__(
        self,
        folder: Folder,
        data: Data,
        recipe: Recipe,
        engine: Engine,
        resuming: bool = False,
        save_every: int | None = None,
        on_nan: OnNaN = "stop",
    ):
        self.folder, self.data, self.recipe, self.engine, self.resuming = folder, data, recipe, engine, resuming
        self._between = False  # two steps
        self.unusual: list[str] = []  # settings of a size that was chosen by the budget
        self.recorder = Recorder(folder, engine, save_every, on_nan)
        self.model = build(recipe, data.space, data.given)
        learnable(self.model, recipe, data)
        if recipe.moves:
            check_moves(recipe, planned(self.model))
        if engine.sharded and not isinstance(self.model, Shards):
            raise ValueError(f"{recipe.name} cannot be cut among processes; train it without --shard (or --use_fsdp)")

    @property
    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def notes(self) -> list[str]:
        """The size of the model, where the budget chose it, and which conditions of the data it does not use; sentences."""
        kind, left = kind_of(self.data.space).name, [key for key in self.data.given if key not in self.model.given]
        name, changes = self.recipe.name, ", ".join(self.unusual)
        fitted_to = f"these data and {self.recipe.budget.amount:g} seconds"
        said = [f"note: {name} is fitted to {fitted_to}: {changes} (--budget-fit off: its usual settings)"] if changes else []
        return said + [f"note: {name} does not use {key} of these data; {that_use(key, kind)}" for key in left]

    def __iter__(self) -> Generator[Tick, None, None]:
        seen, self.engine.replicates = -1, self.num_evals > 0
        resuming, self.resuming, self._between = self.resuming, True, False
        for tick in training(self.recorder, self.model, self.data, self.recipe, resuming):
            mark = int(tick.progress * self.num_evals + 1e-9)
            if self.engine.sharded and tick.closes and mark != seen and self.num_evals:
                seen = mark
                self.engine.gather()
            self._between = tick.closes
            yield tick
            self._between = False
        self._between = True
        if self.engine.sharded and self.num_evals:
            self.engine.gather()

    def keep_best(self, about: Mapping[str, Any]) -> None:
        """Save the current weights as the best so far; between closed steps only. about: score and progress, for the record."""
        with self.engine.averaged() as model:
            weights = copied(split(model)[0])
        self.folder.write_best(weights, about)

    def conditions(self, n: int, seed: int) -> Conditions:
        """The conditions of n samples that are drawn during training, on the engine's device."""
        return conditions(source_of(self.model, self.data), n, seed).to(self.engine.device)

    def stop(self) -> Run:
        """Write weights and a checkpoint now. ValueError before training begins, and within a step, which is no state to keep.

        It may be called inside the loop, and after a loop that was left.
        """
        if not self._between:
            raise ValueError(
                f"{self.folder.path} can be saved only between two steps: call stop() after a tick with closes=True; its last "
                "checkpoint stays as it is"
            )
        self.recorder.save()
        return Run(self.folder.path, str(self.engine.device))

    def run(self) -> Run:
        """The finished run."""
        return Run(self.folder.path, str(self.engine.device))


def session(
    model: str | type[Model],
    data: Any,
    out: str | Path | None = None,
    *,
    budget: Budget | None = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    force: bool = False,
    device: str = "auto",
    precision: str = "auto",
    schedule: list[list[int]] | None = None,
    shard: bool = False,
    recipe: Recipe | None = None,
    **keeping: Any,
) -> Session:
    """A new run of a model on `data`: makes its folder and writes its recipe; nothing is trained yet.

    model     its name, a class of your own, or FILE.py:NAME
    out       its folder; by default a new one under runs/
    recipe    what to train with, changed by settings, seed and budget; by default a budget of seconds chooses the size of the
              model (see `recipes.fitting`), and every other budget takes its usual recipe
    keeping   save_every and on_nan of a `Session`
    """
    _known(keeping)
    name = registered(model)
    usual = recipe_for(name, data.space, data.given, settings)
    if recipe is None:
        timed = budget.seconds if budget is not None and schedule is None and not several() else None
        recipe = recipe_of(name, data, timed, settings, device, precision)
    else:
        recipe = changed(recipe, settings or {}, data.space, data.given)
    recipe = replace(seeded(recipe, seed, settings or {}), budget=budget or recipe.budget)
    engine = Engine(device, precision, schedule, shard)
    engine.divide(recipe.batch)
    path = Path(out) if out is not None else new_folder(data.name, name)
    try:
        made = Session(Folder(path), data, recipe, engine, **keeping)
    except Exception:
        if out is None:
            with suppress(OSError):
                path.rmdir()
        raise
    made.unusual = unusual(recipe, usual)
    space = {"space": data.space.to_json(), "given": {key: value.to_json() for key, value in data.given.items()}}
    machine = {"device": str(engine.device), "precision": engine.precision, "threads": torch.get_num_threads()}
    machine |= {"shard": engine.sharded}
    head = {"recipe": to_json(recipe), **space, "data": data.describe(), "engine": machine}
    head |= {"class": origin(name)} if origin(name) else {}

    tokenizers = {key: tokenizer.to_json() for key, tokenizer in data.tokenizers.items()}
    on_main(partial(made.folder.create, head, force, {"replay.json": schedule, "tokenizer.json": tokenizers or None}))
    return made


def recipe_of(
    name: str, data: Any, seconds: float | None, settings: Mapping[str, Any] | None, device: str, precision: str
) -> Recipe:
    """The recipe of a model for so many seconds of training; without a number of seconds its usual one."""
    if seconds is None:
        return recipe_for(name, data.space, data.given, settings)
    return fitted(name, data, seconds, lambda: Engine(device, precision), settings)


def _known(options: Mapping[str, Any]) -> None:
    """TypeError, with the nearest name, for an option that no training has."""
    for name in options:
        if name not in KEEPING:
            there = [*signature(train).parameters, *signature(session).parameters, *KEEPING]
            near = difflib.get_close_matches(name, there, 1)
            raise TypeError(f"training has no option {name!r}" + (f"; did you mean {near[0]}?" if near else ""))


def suits(name: str, data: Any) -> None:
    """ValueError where a model cannot learn these data; nothing is trained and no memory taken for it."""
    recipe = recipe_for(name, data.space, data.given)
    try:
        made = outline(recipe, data.space, data.given)
    except (RuntimeError, TypeError, AttributeError, IndexError):
        return  # a model of the user's own may need numbers to be built; if it cannot learn these data, its training says so
    learnable(made, recipe, data)


def learnable(model: Model, recipe: Recipe, data: Data) -> None:
    """ValueError where a model that can be built for these data cannot learn from them."""
    if getattr(data, "missing", False) and not model.missing:
        kind = kind_of(data.space).name
        others = [row.name for row in MODELS if kind in row.kinds and class_of(row.name).missing]
        can = f"{', '.join(others)} can, or " if others else ""
        remedy = (
            "leave --hide out" if "hide" in getattr(data, "options", {}) else "leave out the rows that have some (--complete)"
        )
        raise ValueError(f"{recipe.name} cannot learn from examples with missing entries; {can}{remedy}")
    if recipe.flip and data.space.picture:
        _mirrors(model)


def _mirrors(model: Model) -> None:
    """ValueError for a model with a text condition: a caption that says left or right would be wrong of a mirrored picture.

    Picture conditions are mirrored with x. Labels stay, so data whose classes are left and right need flip=false.
    """
    texts = [key for key, space in model.given.items() if space.text]
    if texts:
        raise ValueError(f"flip: a mirrored picture may not be what its {texts[0]} says; --set flip=false, or --unconditional")


def seeded(recipe: Recipe, seed: int, settings: Mapping[str, Any]) -> Recipe:
    """The recipe with this seed; ValueError for an invalid seed, or where the settings hold one too."""
    if "seed" in settings:
        raise ValueError(f"--set seed={settings['seed']}: the seed has an option of its own; write --seed {settings['seed']}")
    return replaced(recipe, {"seed": seed})


def train(
    model: str | type[Model],
    data: Any,
    *,
    steps: int | None = None,
    examples: int | None = None,
    seconds: float | None = None,
    out: str | Path | None = None,
    watch: Callable[[Tick], object] | None = None,
    **options: Any,
) -> Run:
    """Train a model on data and return the run.

    model                      its name, a class of your own (see `genlab.own`), or FILE.py:NAME
    data                       the result of `open`, or a path
    steps, examples, seconds   the budget, one of them; by default the recipe's
    out                        the run's folder; by default a new one under runs/
    watch                      called with every Tick
    options                    seed, settings={"model.latent": 8}, force, device, precision, schedule, save_every, on_nan, shard
    """
    data = data if hasattr(data, "space") else open(data)
    amounts = {"steps": steps, "examples": examples, "seconds": seconds}
    budget = Budget(**{unit: amount for unit, amount in amounts.items() if amount is not None}) if any_given(amounts) else None
    made = session(model, data, out, budget=budget, **options)
    for tick in made:
        if watch is not None:
            watch(tick)
    return made.run()


def any_given(options: Mapping[str, Any]) -> bool:
    return any(value is not None for value in options.values())


def new_folder(data: str, model: str) -> Path:
    """Create runs/DATA-MODEL-N with the first N that is free, on the main process; its path, on all."""
    made: list[Path] = []

    def make() -> None:
        for number in count(1):
            path = Path("runs") / f"{data.replace('/', '-')}-{model}-{number}"
            with suppress(FileExistsError):
                path.mkdir(parents=True)
                made.append(path)
                return

    on_main(make)
    return Path(agreed(str(made[0]) if made else ""))


def load(
    path: str | Path, device: str = "auto", *, data: str | Path | None = None, model: str | type[Model] | None = None
) -> Run:
    """The run of a folder.

    data    the path of its data, if they were moved and are needed
    model   its class, or FILE.py:NAME, if it is not one of genlab's: code is never run because a folder names it
    """
    return Run(path, device, data, model)


def resume(
    path: str | Path,
    device: str = "auto",
    precision: str = "auto",
    data: Any = None,
    *,
    more: Budget | None = None,
    out: str | Path | None = None,
    seed: int | None = None,
    settings: Mapping[str, Any] | None = None,
    force: bool = False,
    shard: bool = False,
    model: str | type[Model] | None = None,
    **keeping: Any,
) -> Session:
    """Continue a run from its last checkpoint. It ends with the weights that it would have had without the stop.

    data             the training data, open already, or the path they were moved to
    more             an addition to its budget, in the same unit
    out              fork: a new run in this folder continues, with another seed or settings if given; the old one is kept
    model            its class, or FILE.py:NAME, if that is not one of genlab's
    keeping          save_every and on_nan of a `Session`
    ValueError for a seed or settings without `out`, other data, or more in another unit.
    """
    run = Run(path, device, model=model)
    if out is None and (seed is not None or settings):
        raise ValueError(f"a run keeps its recipe; to go on from {run.path} with another one, fork it: --out NEW")
    shard = shard or (several() and run.head["engine"].get("shard") is True)  # as it was trained
    asked = Recorder(run.folder, Engine(device, precision, shard=shard), **keeping)  # what is refused changes nothing
    moved = data if isinstance(data, str | Path) else None
    data = run.same(data, "these") if moved is None and data is not None else main_first(partial(run.data, source=moved))
    recipe = run.recipe if out is None else _forking(run, seed, settings or {})
    asked.engine.divide(recipe.batch)
    if out is not None:
        changes = {key: str(value) for key, value in {**(settings or {}), **({} if seed is None else {"seed": seed})}.items()}
        on_main(partial(fork, run.folder, Folder(out), run.recipe, recipe, changes, force))
        run = Run(out, device)
    if more is not None:
        if not extensible(run):
            raise ValueError(f"{run.recipe.name} has counted all its data: there is nothing to train it longer for")
        on_main(partial(extend, run.folder, run.recipe, more))
        run = Run(run.path, device)
    if moved is not None and str(data.describe()["source"]) != run.head["data"]["source"]:
        on_main(partial(run.folder.move_data, data.describe()["source"], data.describe()["opened"]))
        run = Run(run.path, device)
    if run.folder.begun():
        run.check(*run.last_checkpoint())
    engine = Engine(device, precision, run.folder.replay() or _repeatable(run), shard)
    before = run.head["engine"]
    if precision == "auto" and before["device"].partition(":")[0] == engine.device.type:
        engine.precision = before["precision"]
    return Session(run.folder, data, run.recipe, engine, True, **keeping)


def _repeatable(run: Run) -> list[list[int]] | None:
    """The complete schedule of a finished run, which training from its checkpoint repeats; None for a run steered by hand."""
    if run.head.get("steered"):
        effect = "it goes on from its last checkpoint, and what came after that will not come again"
        warnings.warn(Steered(f"{run.path} was steered by hand: {effect}"), stacklevel=3)
        return None
    schedule = run.folder.schedule()
    return schedule if schedule and schedule[-1][2] == 1000 else None


def _forking(run: Run, seed: int | None, settings: Mapping[str, Any]) -> Recipe:
    """The recipe of a fork; ValueError where the checkpoint does not fit its model."""
    recipe = changed(run.recipe, settings, run.space, run.given)
    recipe = recipe if seed is None else seeded(recipe, seed, settings)
    try:
        run.check(*run.last_checkpoint(), recipe)
    except ValueError as error:
        raise ValueError(f"a fork may change how a model is trained, not what it is made of: {error}") from None
    return recipe


def extensible(run: Run) -> bool:
    """Whether a longer budget trains it longer: not where its current stage makes whole passes over the data."""
    number = last_checkpoint(run.folder)[1]["stage"]
    model = build(run.recipe, run.space, run.given)
    stage = next(islice(model.stages(), number, None), None)
    if stage is None:
        raise ValueError(f"the checkpoint of {run.path} is not one of this model; restore it from a copy or train again")
    return stage.passes is None
