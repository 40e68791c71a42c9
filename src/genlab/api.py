"""What Python users call: open data, train a model on them, sample the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genlab.core.data import Data
from genlab.core.finite import first_broken
from genlab.core.fit import fit
from genlab.core.model import Model, Shards
from genlab.core.moves import Tick
from genlab.core.noise import Noise
from genlab.core.recipe import Budget, Recipe, from_json, replaced, to_json
from genlab.core.space import Space
from genlab.data import open
from genlab.recipes.make import build, recipe_for
from genlab.runs.engine import PRECISIONS, Engine, check_fit, copy_into, prepared
from genlab.runs.folder import Folder
from genlab.runs.grow import extend, fork, standing
from genlab.runs.processes import agreed, main_first, on_main, several
from genlab.runs.shapes import HEAD, fits, shaped, sound
from genlab.runs.train import OnNaN, Recorder, training

__all__ = ["Budget", "Engine", "Run", "Session", "build", "fit", "load", "open", "recipe_for", "resume", "train"]

CHUNK = 256  # rows sampled at once
EXACT_CHUNK = 16  # rows of the fixed, padded chunks that make samples byte-identical


class Session:
    """One training under way: iterate it for ticks; `stop()` after any closed tick keeps what was learnt.

    It is what the command line, a notebook or a page iterates; `train` is the same without looking.

    looks   of a model cut among processes: at how many fractions of the run the first one is given a whole copy to look at
    """

    looks = 0

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
        self.recorder = Recorder(folder, engine, save_every, on_nan)
        self.model = build(recipe, data.space, data.given)
        if engine.sharded and not isinstance(self.model, Shards):
            raise ValueError(f"{recipe.name} cannot be cut among processes; train it without --shard (or --use_fsdp)")

    @property
    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.model.parameters())

    def __iter__(self) -> Iterator[Tick]:
        seen, self.engine.lends = -1, self.looks > 0
        for tick in training(self.recorder, self.model, self.data, self.recipe, self.resuming):
            mark = int(tick.progress * self.looks + 1e-9)
            if self.engine.sharded and tick.closes and mark != seen and self.looks:
                seen = mark
                self.engine.gather()
            yield tick
        if self.engine.sharded and self.looks:
            self.engine.gather()

    def keep_best(self, about: Mapping[str, Any]) -> None:
        """Keep the weights of now as the best so far; between closed steps only. about: by which score, at which progress."""
        with self.engine.averaged() as model:
            weights = {name: value.detach().to("cpu", copy=True).contiguous() for name, value in model.state_dict().items()}
        self.folder.write_best(weights, about)

    def labels(self, n: int, seed: int) -> dict[str, Tensor]:
        """What n samples are asked to be, drawn as often as in training; empty where nothing is given."""
        if "label" not in self.model.given:
            return {}
        counts = self.data.label_counts()  # pyright: ignore[reportAttributeAccessIssue]
        return {"label": drawn_labels(n, seed, self.model.given["label"], counts).to(self.engine.device)}

    def stop(self) -> Run:
        """Write weights and a checkpoint now; between closed steps only."""
        self.recorder.save()
        return Run(self.folder.path, str(self.engine.device))

    def run(self) -> Run:
        """The finished run."""
        return Run(self.folder.path, str(self.engine.device))


def session(
    name: str,
    data: Any,
    out: str | Path,
    *,
    budget: Budget | None = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    force: bool = False,
    device: str = "auto",
    precision: str = "auto",
    schedule: list[list[int]] | None = None,
    save_every: int | None = None,
    on_nan: OnNaN = "stop",
    shard: bool = False,
) -> Session:
    """A new run of model `name` on `data`, its folder made and its recipe written; nothing is trained yet."""
    recipe = replace(recipe_for(name, data.space, data.given, settings), seed=seed)
    recipe = replace(recipe, budget=budget or recipe.budget)
    engine = Engine(device, precision, schedule, shard)
    made = Session(Folder(out), data, recipe, engine, save_every=save_every, on_nan=on_nan)
    space = {"space": data.space.to_json(), "given": {key: value.to_json() for key, value in data.given.items()}}
    machine = {"device": str(engine.device), "precision": engine.precision, "threads": torch.get_num_threads()}
    machine |= {"shard": engine.sharded}
    head = {"recipe": to_json(recipe), **space, "data": data.describe(), "engine": machine}

    def create() -> None:
        made.folder.create(head, force)
        if schedule is not None:
            made.folder.write_replay(schedule)

    on_main(create)
    return made


def train(
    name: str,
    data: Any,
    *,
    steps: int | None = None,
    examples: int | None = None,
    seconds: float | None = None,
    out: str | Path | None = None,
    watch: Callable[[Tick], object] | None = None,
    **options: Any,
) -> Run:
    """Train a model of this name on data (what `open` gave, or its path) and return the run.

    steps, examples, seconds   the budget, one of them; the recipe's own otherwise
    out                        the run's folder; a new one under runs/ otherwise
    watch                      called with every Tick
    options                    seed, settings={"model.latent": 8}, force, device, precision, schedule, save_every, on_nan, shard
    """
    data = open(data) if isinstance(data, str | Path) else data
    said = {"steps": steps, "examples": examples, "seconds": seconds}
    budget = Budget(**{unit: amount for unit, amount in said.items() if amount is not None}) if any_given(said) else None
    made = session(name, data, out or new_folder(data.name, name), budget=budget, **options)
    for tick in made:
        if watch is not None:
            watch(tick)
    return made.run()


def any_given(said: Mapping[str, Any]) -> bool:
    return any(amount is not None for amount in said.values())


def new_folder(data: str, model: str) -> Path:
    """runs/DATA-MODEL-N, the first that does not exist; the same on all processes."""
    number = 1
    while (path := Path("runs") / f"{data.replace('/', '-')}-{model}-{number}").exists():
        number += 1
    return Path(agreed(str(path)))


def load(path: str | Path, device: str = "auto") -> Run:
    """A run from its folder."""
    return Run(path, device)


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
    save_every: int | None = None,
    on_nan: OnNaN = "stop",
    shard: bool = False,
) -> Session:
    """Carry a run on from its last checkpoint, to the weights it would have had without the stop.

    data             those it was trained on, where they are open already; or where they lie now
    more             what it is given beyond its budget, in the same unit
    out              fork it: a new run goes on there, with another seed or settings if they are said; the old one stays
    ValueError for a seed or settings without `out`, other data, or more in another unit.
    """
    run = Run(path, device)
    if out is None and (seed is not None or settings):
        raise ValueError(f"a run keeps its recipe; to go on from {run.path} with another one, fork it: --out NEW")
    if data is None or isinstance(data, str | Path):
        data = main_first(partial(run.data, source=data))
    if out is not None:
        run = _forked(run, Folder(out), seed, settings or {}, force)
    if more is not None:
        _extensible(run)
        on_main(partial(extend, run.folder, run.recipe, more))
        run = Run(run.path, device)
    if run.folder.begun():
        run.check(run.standing())
    shard = shard or (several() and run.head["engine"].get("shard") is True)  # as it was trained
    engine = Engine(device, precision, run.folder.replay() or _finished(run.folder.schedule()), shard)
    before = run.head["engine"]
    if precision == "auto" and before["device"].partition(":")[0] == engine.device.type:
        engine.precision = before["precision"]
    return Session(run.folder, data, run.recipe, engine, True, save_every, on_nan)


def _finished(schedule: list[list[int]] | None) -> list[list[int]] | None:
    """A schedule that reached its end: a checkpoint before that end repeats it."""
    return schedule if schedule and schedule[-1][2] == 1000 else None


def _forked(run: Run, out: Folder, seed: int | None, settings: Mapping[str, Any], force: bool) -> Run:
    recipe = replaced(run.recipe, settings, what=f"{run.recipe.name} recipe")
    recipe = recipe if seed is None else replace(recipe, seed=seed)
    try:
        run.check(run.standing(), recipe)
    except ValueError as error:
        raise ValueError(f"a fork may change how a model is trained, not what it is made of: {error}") from None
    changes = {**settings, **({} if seed is None else {"seed": seed})}
    on_main(partial(fork, run.folder, out, recipe, {key: str(value) for key, value in changes.items()}, force))
    return Run(out.path, run.device)


def _extensible(run: Run) -> None:
    """ValueError for a model whose stage counts its data in whole passes."""
    number = standing(run.folder)[1]["stage"]
    model = build(run.recipe, run.space, run.given)
    stage = next(islice(model.stages(), number, None))
    if stage.passes is not None:
        raise ValueError(f"{run.recipe.name} has counted all its data: there is nothing to train it longer for")


class Run:
    """A trained model in its folder.

    path, recipe, space, given   what it is and what it learnt from
    """

    def __init__(self, path: str | Path, device: str = "auto"):
        self.folder = Folder(path)
        self.path = self.folder.path
        self.head = self.folder.head()
        place = self.path / "recipe.json"
        shaped(self.head, HEAD, place)
        with sound(place):
            self.space = Space.from_json(self.head["space"])
            self.given = {key: Space.from_json(record) for key, record in self.head["given"].items()}
            base = recipe_for(self.head["recipe"]["name"], self.space, self.given)
            self.recipe: Recipe = from_json(base, self.head["recipe"])
            if (precision := self.head["engine"]["precision"]) not in PRECISIONS:
                raise ValueError(f"precision {precision!r} is none of {', '.join(PRECISIONS)}")
            counts = self.head["data"].get("label_counts")
            if counts is not None and not (fits(counts, [int]) and min(counts) >= 0 and 0 < sum(counts) < 2**53):
                raise ValueError("label_counts are no numbers of examples")
            if counts is not None and ("label" not in self.given or len(counts) != self.given["label"].levels):
                raise ValueError("label_counts count other labels than there are")
        self.device, self._models = device, {}

    def data(self, source: str | Path | None = None, **options: Any) -> Any:
        """The data it was trained on, opened again; ValueError if they have changed since.

        source: where they lie now, if they were moved
        """
        record = self.head["data"]
        place = source if source is not None else record["source"]
        try:
            data: Any = open(place, **{**record["options"], **options})
        except ValueError as error:
            if source is not None or Path(str(place)).exists():
                raise
            raise ValueError(f"{error}; if the data of {self.path} were moved, say where: --data") from None
        if data.fingerprint != record["fingerprint"]:
            changed = "are other data than" if source is not None else "has changed since"
            raise ValueError(f"{place} {changed} {self.path} was trained on; restore them, or train anew")
        return data

    def model(self, averaged: bool = True, best: bool = False) -> Model:
        """The model in eval mode: averaged weights where it has them, or the raw ones, or the best of its check-ups."""
        key = "best" if best else averaged
        if key not in self._models:
            tensors = self.folder.best() if best else self.folder.weights(averaged)[0]
            self.check(tensors)
            _check_values(tensors, self.path)
            model = build(self.recipe, self.space, self.given)
            copy_into(model, tensors)
            self._models[key] = prepared(model, Engine(self.device).device).eval().requires_grad_(False)
        return self._models[key]

    def check(self, tensors: Mapping[str, Tensor], recipe: Recipe | None = None) -> None:
        """ValueError unless these can be the weights of its model, or of another recipe's, before memory is given to that.

        Only names and shapes are made: a record that promises a huge model costs nothing.
        """
        recipe = recipe or self.recipe
        try:
            with torch.device("meta"):
                outline = build(recipe, self.space, self.given)
        except (RuntimeError, OverflowError, MemoryError, TypeError, AssertionError, ArithmeticError, IndexError) as error:
            said = " ".join(str(error).split())[:80]
            raise ValueError(f"{self.path / 'recipe.json'} describes no possible {recipe.name} ({said})") from None
        check_fit(outline, tensors)

    def standing(self) -> dict[str, Tensor]:
        """The weights of its last checkpoint; ValueError where it has none."""
        return {key[6:]: value for key, value in standing(self.folder)[0].items() if key.startswith("model.")}

    @property
    def averaged(self) -> bool:
        """Whether sampling and scoring use averaged weights."""
        return (self.path / "average.safetensors").exists()

    def sample(self, n: int, seed: int = 0, given: Mapping[str, Any] | None = None, **options: Any) -> Tensor:
        """(n, *space.shape) in the data's units.

        given     {"label": 3}, {"label": "cat"} or {"label": (n,) tensor}; labels are drawn as often as in training otherwise
        options   averaged=False for the raw weights, best=True for those of its best check-up,
                  exact=True for byte-identical chunks, and the model's own (steps=50, ...)
        """
        *_, last = self.frames(n, seed, given, **options)
        return last

    def frames(
        self,
        n: int,
        seed: int = 0,
        given: Mapping[str, Any] | None = None,
        averaged: bool = True,
        best: bool = False,
        exact: bool = False,
        **options: Any,
    ) -> Iterator[Tensor]:
        """Frames on the way to `sample`, each (n, *space.shape); more than one chunk of rows yields only the result."""
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        model = self.model(averaged, best)
        labels = self.labels(n, seed, given)
        size = EXACT_CHUNK if exact else CHUNK
        if n <= size and not exact:
            yield from drawn(model, range(n), seed, labels, options)
            return
        parts = []
        for first in range(0, n, size):
            rows = range(first, first + size) if exact else range(first, min(n, first + size))
            chosen = {key: value[[min(row, n - 1) for row in rows]] for key, value in labels.items()}
            *_, last = drawn(model, rows, seed, chosen, options)
            parts.append(last)
        yield torch.cat(parts)[:n]

    def labels(self, n: int, seed: int, given: Mapping[str, Any] | None) -> dict[str, Tensor]:
        """What is given, as tensors of n rows on the model's device."""
        found: dict[str, Tensor] = {}
        for key, value in (given or {}).items():
            if key not in self.given:
                known = f"it is given {', '.join(self.given)}" if self.given else "nothing is given to it"
                raise ValueError(f"{self.path.name} was not trained with {key}: {known}")
            if self.given[key].axes:
                raise ValueError(f"{self.recipe.name} does not hear {key}, only labels; leave {key} out")
            found[key] = (
                torch.as_tensor(_class(value, self.given[key], key)).expand(n) if not isinstance(value, Tensor) else value
            )
        if "label" in self.given and "label" not in found:
            found["label"] = self._drawn_labels(n, seed)
        return {key: value.to(Engine(self.device).device) for key, value in found.items()}

    def _drawn_labels(self, n: int, seed: int) -> Tensor:
        """Labels as frequent as among the training examples."""
        return drawn_labels(n, seed, self.given["label"], self.head["data"].get("label_counts"))

    def ticks(self) -> list[dict[str, Any]]:
        """The readings written while it was trained."""
        return list(self.folder.ticks())


def _check_values(tensors: Mapping[str, Tensor], path: Path) -> None:
    """ValueError where weights are no numbers: nothing can be drawn from them."""
    broken = first_broken(tensors)
    if broken is not None:
        raise ValueError(
            f"the weights of {path} have lost their values ({broken}); use --best, or the raw weights (--raw), or train again "
            "with a lower learning rate"
        )


def drawn_labels(n: int, seed: int, space: Space, counts: Sequence[int] | None) -> Tensor:
    """(n,) classes, each as frequent as it is counted."""
    edges = torch.tensor(counts or [1] * space.levels, dtype=torch.float64).cumsum(0)
    draws = Noise(seed, n, dtype=torch.float64).fork("label").uniform(())
    return torch.searchsorted(edges, draws * edges[-1], right=True).clamp(max=space.levels - 1)


@torch.no_grad()
def drawn(model: Model, rows: range, seed: int, given: Mapping[str, Tensor], options: Mapping[str, Any]) -> Iterator[Tensor]:
    device = next((tensor.device for tensor in (*model.parameters(), *model.buffers())), torch.device("cpu"))
    noise = Noise(seed, rows, device)
    try:
        frames = model.sample(len(rows), given or None, noise=noise, **options)
    except TypeError as error:
        raise ValueError(f"this model's sampling has no such option: {error}") from None
    for frame in frames:
        yield frame.cpu()


def _class(value: Any, space: Space, key: str) -> int:
    """A class by number or name; ValueError says which there are."""
    words = [str(name) for name in space.names]
    if str(value) in words:
        return words.index(str(value))
    if str(value).lstrip("-").isdigit() and 0 <= int(value) < space.levels:
        return int(value)
    there = ", ".join(words[:20]) + (" ..." if len(words) > 20 else "") if words else f"0 to {space.levels - 1}"
    raise ValueError(f"there is no {key} {value!r}; there is {there}")
