"""A run that is there: its model, its data, its samples. What a folder says is believed only as far as it fits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genlab.core.conditions import Conditions, Source, conditions, taken
from genlab.core.data import Data, Split
from genlab.core.finite import first_non_finite
from genlab.core.kinds import kind_of
from genlab.core.model import Model, used
from genlab.core.noise import Noise
from genlab.core.recipe import Recipe, from_json, to_json
from genlab.core.space import Space
from genlab.data import prompts
from genlab.data.opener import open_again
from genlab.data.tokenizer import Tokenizer
from genlab.data.tokenizer import from_json as from_record
from genlab.own import registered
from genlab.recipes.index import MODELS, OWN
from genlab.recipes.make import build, class_of, recipe_for
from genlab.runs.engine import PRECISIONS, Engine
from genlab.runs.folder import Folder
from genlab.runs.grow import standing
from genlab.runs.shapes import HEAD, fits, shaped, sound
from genlab.runs.weights import MODEL, TRAINING, check_fit, copy_into, named, prepared

CHUNK = 256  # rows sampled at once
OUTLINES, _OUTLINES = 8, dict[str, Model]()  # how many are kept, and they themselves
EXACT_CHUNK = 16  # rows of the fixed, padded chunks that make samples byte-identical


class Run:
    """A trained model in its folder.

    path, recipe, space, given   what it is, what it learnt from, and what those data give with every example
    data                         where the data lie now, if they were moved
    model                        its class, where that is none of genlab's
    """

    def __init__(
        self,
        path: str | Path,
        device: str = "auto",
        data: str | Path | None = None,
        model: type[Model] | None = None,
    ):
        self.folder = Folder(path)
        self.path = self.folder.path
        self.head = self.folder.head()
        place = self.path / "recipe.json"
        shaped(self.head, HEAD, place)
        with sound(place):
            self.space = Space.from_json(self.head["space"])
            self.given = {key: Space.from_json(record) for key, record in self.head["given"].items()}
            self._check_class(model)
            base = recipe_for(self.head["recipe"]["name"], self.space, self.given)
            self.recipe: Recipe = from_json(base, self.head["recipe"])
            if (precision := self.head["engine"]["precision"]) not in PRECISIONS:
                raise ValueError(f"precision {precision!r} is none of {', '.join(PRECISIONS)}")
            counts = self.head["data"].get("label_counts")
            if counts is not None and not (fits(counts, [int]) and min(counts) >= 0 and 0 < sum(counts) < 2**53):
                raise ValueError("label_counts are no numbers of examples")
            if counts is not None and ("label" not in self.given or len(counts) != self.given["label"].levels):
                raise ValueError("label_counts count other labels than there are")
        self.device, self.moved, self._models = device, data, {}

    def _check_class(self, model: type[Model] | None) -> None:
        """ValueError where the class of its model is not known here, or another one was passed."""
        name, where = self.head["recipe"]["name"], self.head.get("class")
        if model is not None and registered(model) != name:
            raise ValueError(f"it is a run of {name[:60]}, not of {model.__name__}")
        if where is not None and name not in OWN:
            raise ValueError(
                f"its model {name[:60]} is none of genlab's (it was defined in {where[:80]!r}), and no code is run because a "
                f"folder says so; pass the class: genlab.load(path, model={name[:60]}), or --model FILE.py:{name[:60]}"
            )

    def data(self, source: str | Path | None = None, **options: Any) -> Any:
        """The data it was trained on, opened again; ValueError if they have changed since.

        source: where they (the first source of several) lie now, if they were moved
        """
        record = self.head["data"]
        source = self.moved if source is None else source
        place = source if source is not None else record["source"]
        try:
            data: Any = open_again(record["opened"], source, **options)
        except ValueError as error:
            if source is not None or Path(str(place)).exists():
                raise
            raise ValueError(f"{error}; if the data of {self.path} were moved, say where: --data") from None
        return self.same(data, place, moved=source is not None)

    def same(self, data: Any, place: object, moved: bool = True) -> Any:
        """The data; ValueError where they are not those it was trained on."""
        if data.fingerprint != self.head["data"]["fingerprint"]:
            changed = "are other data than" if moved else "has changed since"
            raise ValueError(f"{place} {changed} {self.path} was trained on; restore them, or train anew")
        return data

    def tokenizer(self, key: str = "x") -> Tokenizer:
        """What makes tokens of its examples, or of a condition that is a text; ValueError where that is lost."""
        space, place = self.space if key == "x" else self.given[key], self.path / "tokenizer.json"
        records = self.folder.tokenizers()
        if key not in records:
            raise ValueError(f"{place} is missing, or lacks {key}; restore it from a copy")
        with sound(place):
            found = from_record(records[key])
        if found.encoder != space.encoder:
            raise ValueError(f"{place} is not that of this run: its tokens are others; restore it from a copy")
        return found

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

    def check(
        self, tensors: Mapping[str, Tensor], training: Mapping[str, Tensor] | None = None, recipe: Recipe | None = None
    ) -> None:
        """ValueError unless these can be the weights of its model, or of another recipe's, before memory is given to that.

        Only names and shapes are made: a record that promises a huge model costs nothing.
        """
        recipe = recipe or self.recipe
        try:
            made = _outline(recipe, self.space, self.given)
        except (RuntimeError, OverflowError, MemoryError, TypeError, AssertionError, ArithmeticError, IndexError) as error:
            said = " ".join(str(error).split())[:80]
            raise ValueError(f"{self.path / 'recipe.json'} describes no possible {recipe.name} ({said})") from None
        check_fit(made, tensors, training)

    def standing(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The weights of its last checkpoint and what only training needs; ValueError where it has none."""
        tensors, _ = standing(self.folder)
        return named(MODEL, tensors), named(TRAINING, tensors)

    @property
    def averaged(self) -> bool:
        """Whether sampling and scoring use averaged weights."""
        return (self.path / "average.safetensors").exists()

    def sample(self, n: int, seed: int = 0, given: Mapping[str, Any] | None = None, **options: Any) -> Tensor:
        """(n, *space.shape) in the data's units.

        given     {"label": "cat"}, {"text": "a red heart"}, {"source": "photo.png"}, or tensors; what is not said is drawn:
                  see `conditions`
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
        found = self.conditions(n, seed, given)
        size = EXACT_CHUNK if exact else CHUNK
        if n <= size and not exact:
            yield from drawn(model, range(n), seed, found.given, options)
            return
        parts = []
        for first in range(0, n, size):
            rows = range(first, first + size) if exact else range(first, min(n, first + size))
            chosen = found.take([min(row, n - 1) for row in rows])
            *_, last = drawn(model, rows, seed, chosen.given, options)
            parts.append(last)
        yield torch.cat(parts)[:n]

    def conditions(
        self,
        n: int,
        seed: int = 0,
        asked: Mapping[str, Any] | None = None,
        split: Split = "validation",
        data: Data | None = None,
    ) -> Conditions:
        """What n samples are given, on the model's device: see `core.conditions.conditions`.

        asked   {"label": "cat"}, {"text": "a red heart"}, {"source": "photo.png" or a folder}; tensors; or lists of these
        data    those it was trained on, where they are open already
        ValueError for a condition that this model does not take, naming the models that do.
        """
        for key in asked or {}:
            if key not in self._source.spaces:
                raise ValueError(self._not_taken(key))
        source = self._source if data is None else replace(self._source, data=lambda: data)
        return conditions(source, n, seed, asked, split).to(Engine(self.device).device)

    @cached_property
    def _source(self) -> Source:
        counts = self.head["data"].get("label_counts")
        spaces = taken(used(class_of(self.recipe.name), self.given, self.recipe.name))
        opened = cache(lambda: self.data())
        return Source(spaces, {} if counts is None else {"label": counts}, opened, self._encoded)

    def _encoded(self, key: str, value: Any) -> Tensor:
        space = self.given[key]
        if space.text:
            return prompts.text(key, value, self.tokenizer(key), space)
        if space.picture and isinstance(value, str | Path):
            return prompts.pictures(key, value, space)
        raise ValueError(f"{key} {str(value)[:60]!r} cannot be read here; give a tensor of shape {space.shape}")

    def _not_taken(self, key: str) -> str:
        known = ", ".join(self._source.spaces)
        here = f"it takes {known}" if known else "it takes no condition"
        if key in self.given:
            kind = kind_of(self.space).name
            others = [row.name for row in MODELS if key in row.uses and kind in row.kinds]
            can = f"models of {kind} that use {key}: {', '.join(others)}" if others else f"no model of {kind} uses {key}"
            return f"{self.recipe.name} does not use {key}, {here}; {can}"
        return f"{self.path.name} was trained on data that do not give {key}; {here}"

    def reached(self, rows: Sequence[Mapping[str, Any]] | None = None) -> dict[str, Any]:
        """{"progress": 0..1, "examples": ..., "seconds": of training} as far as it is trained; {} where nobody knows.

        rows: what `ticks` gave, where that was read already. A checkpoint is later than the last of them where training has
        ended, and earlier where it was killed or goes on.
        """
        last, saved = next(iter((self.ticks() if rows is None else rows)[-1:]), {}), self.folder.reached()
        later = saved if saved.get("examples", -1) >= last.get("examples", 0) else last
        names = ("progress", "examples", "seconds")
        return {name: later.get(name, last.get(name, 0)) for name in names} if saved or last else {}

    def ticks(self) -> list[dict[str, Any]]:
        """The readings written while it was trained."""
        return list(self.folder.ticks())


def _outline(recipe: Recipe, space: Space, given: Mapping[str, Space]) -> Model:
    """Names and shapes of a model without its numbers; the last few are kept, since every opening of a run asks for one."""
    spaces = {key: content.to_json() for key, content in given.items()}
    made = id(class_of(recipe.name))  # a notebook may define a class of the same name again
    key = json.dumps([recipe.name, made, to_json(recipe)["model"], space.to_json(), spaces], sort_keys=True)
    if key not in _OUTLINES:
        while len(_OUTLINES) >= OUTLINES:
            del _OUTLINES[next(iter(_OUTLINES))]
        with torch.device("meta"):
            _OUTLINES[key] = build(recipe, space, given)
    return _OUTLINES[key]


def _check_values(tensors: Mapping[str, Tensor], path: Path) -> None:
    """ValueError where weights are no numbers: nothing can be drawn from them."""
    broken = first_non_finite(tensors)
    if broken is not None:
        raise ValueError(
            f"the weights of {path} have lost their values ({broken}); use --best, or the raw weights (--raw), or train again "
            "with a lower learning rate"
        )


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
