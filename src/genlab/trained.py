"""A trained run: its model, its data, its samples. Everything read from its folder is checked before it is used."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genlab.completion import LENGTH, Completion, Half, begun, complete, halved
from genlab.core.conditions import Conditions, ConditionSource, conditions, counted
from genlab.core.data import Data, Split
from genlab.core.kinds import kind_of
from genlab.core.model import CAPABILITIES, Model, taken, used
from genlab.core.noise import Noise
from genlab.core.options import own_options
from genlab.core.recipe import Recipe, from_json
from genlab.core.space import Space, label_of
from genlab.data import prompts
from genlab.data.opener import open_again
from genlab.data.tokenizer import Tokenizer, texts
from genlab.data.tokenizer import from_json as from_record
from genlab.latents import Interpolation, Reconstruction, device_of, interpolate, reconstruct
from genlab.outline import check_values, outline
from genlab.own import registered
from genlab.recipes.index import MODELS, OWN, that_use
from genlab.recipes.make import build, class_of, recipe_for
from genlab.runs.engine import PRECISIONS, Engine
from genlab.runs.extend import last_checkpoint
from genlab.runs.files import Damaged
from genlab.runs.folder import Folder
from genlab.runs.shapes import HEAD, fits, shaped, sound
from genlab.runs.weights import MODEL, TRAINING, check_fit, copy_into, named, prepared

CHUNK = 256  # rows sampled at once
EXACT_CHUNK = 16  # rows of each chunk, padded to that many, where samples are to be byte-identical


class Run:
    """A trained model in its folder.

    path, recipe   its folder, and what decided its training
    space, given   of the data it learnt from: one example, and the conditions that come with it
    data           the path of the data, if they were moved
    model          its class, or FILE.py:NAME, where that is none of genlab's
    once_opened    called with data that samples need conditions of; returns them
    """

    def __init__(
        self,
        path: str | Path,
        device: str = "auto",
        data: str | Path | None = None,
        model: str | type[Model] | None = None,
    ):
        self.folder = Folder(path)
        self.path = self.folder.path
        self.head = self.folder.head()
        path = self.path / "recipe.json"
        shaped(self.head, HEAD, path)
        with sound(path):
            self.space = Space.from_json(self.head["space"])
            self.given = {key: Space.from_json(record) for key, record in self.head["given"].items()}
            self._check_class(model)
            base = recipe_for(self.head["recipe"]["name"], self.space, self.given)
            self.recipe: Recipe = from_json(base, self.head["recipe"])
            if (precision := self.head["engine"]["precision"]) not in PRECISIONS:
                raise ValueError(f"precision {precision!r} is none of {', '.join(PRECISIONS)}")
            counts = self.head["data"].get("label_counts")
            if counts is not None and not (fits(counts, [int]) and min(counts) >= 0 and sum(counts) < 2**53):
                raise ValueError("label_counts are no numbers of examples")
            if counts is not None and (not (label := label_of(self.given)) or len(counts) != self.given[label].levels):
                raise ValueError("label_counts count other labels than there are")
        self.device, self.moved, self._models = device, data, {}
        self.once_opened: Callable[[Any], Any] = lambda data: data

    def __repr__(self) -> str:
        return f"Run({self.recipe.name} on {self.head['data']['source']}: {self.path})"

    def _check_class(self, model: str | type[Model] | None) -> None:
        """ValueError where the class of its model is not registered, or another one was passed."""
        name, where = self.head["recipe"]["name"], self.head.get("class")
        if model is not None and (other := registered(model)) != name:
            raise ValueError(f"it is a run of {name[:60]}, not of {other}")
        if where is not None and name not in OWN:
            raise ValueError(
                f"its model {name[:60]} is none of genlab's (it was defined in {where[:80]!r}), and no code is run because a "
                f"folder says so; pass the class: genlab.load(path, model={name[:60]}), or --model FILE.py:{name[:60]} "
                "(compare takes it among its --models)"
            )

    def data(self, source: str | Path | None = None, **options: Any) -> Any:
        """The data it was trained on, opened again; ValueError if they have changed since.

        source   the path of the data (of the first source, if there are several), if they were moved
        """
        record = self.head["data"]
        source = self.moved if source is None else source
        path = source if source is not None else record["source"]
        try:
            data: Any = open_again(record["opened"], source, **options)
        except ValueError as error:
            if source is not None or Path(str(path)).exists():
                raise
            raise ValueError(f"{error}; if the data of {self.path} were moved, give their path: --data") from None
        return self.same(data, path, moved=source is not None)

    def same(self, data: Any, path: object, moved: bool = True) -> Any:
        """The data, unchanged; ValueError where the run was trained on others. path: of the data, for the message."""
        if data.fingerprint != self.head["data"]["fingerprint"]:
            changed = "are other data than" if moved else "has changed since"
            raise ValueError(f"{path} {changed} {self.path} was trained on; restore them, or train anew")
        return data

    def tokenizer(self, key: str = "x") -> Tokenizer:
        """The tokenizer of its examples ("x"), or of a condition that is a text; ValueError where the run has lost it."""
        space, path = self.space if key == "x" else self.given[key], self.path / "tokenizer.json"
        records = self.folder.tokenizers()
        if key not in records:
            raise ValueError(f"{path} is missing, or lacks {key}; restore it from a copy")
        with sound(path):
            tokenizer = from_record(records[key])
        if (tokenizer.encoder, len(tokenizer.names), tokenizer.end) != (space.encoder, space.levels, space.end):
            raise ValueError(f"{path} is not that of this run: its tokens are others; restore it from a copy")
        return tokenizer

    def model(self, averaged: bool = True, best: bool = False) -> Model:
        """The model in eval mode, with averaged weights where it has them, raw ones, or (best) those of its best check-up."""
        key = "best" if best else averaged
        if key not in self._models:
            tensors = self.folder.best() if best else self.folder.weights(averaged)[0]
            self.check(tensors)
            check_values(tensors, self.path)
            model = build(self.recipe, self.space, self.given)
            copy_into(model, tensors)
            self._models[key] = prepared(model, Engine(self.device).device).eval().requires_grad_(False)
        return self._models[key]

    def check(
        self, tensors: Mapping[str, Tensor], training: Mapping[str, Tensor] | None = None, recipe: Recipe | None = None
    ) -> None:
        """ValueError unless names and shapes are those of the weights of its model, or of another recipe's.

        No memory is taken for the model, so a damaged record that describes a huge one does no harm.
        """
        recipe = recipe or self.recipe
        try:
            made = self._outline(recipe)
        except (RuntimeError, OverflowError, MemoryError, TypeError, AssertionError, ArithmeticError, IndexError) as error:
            reason = " ".join(str(error).split())[:80]
            raise ValueError(f"{self.path / 'recipe.json'} describes no possible {recipe.name} ({reason})") from None
        check_fit(made, tensors, training)

    def _outline(self, recipe: Recipe) -> Model:
        """Names and shapes of its model, without numbers unless a class of the user's own looks at some when it is built."""
        try:
            return outline(recipe, self.space, self.given)
        except RuntimeError:
            if recipe.name not in OWN:
                raise
        return build(recipe, self.space, self.given)

    def last_checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """(weights, buffers that only training needs) of its last checkpoint; ValueError where it has none."""
        tensors, _ = last_checkpoint(self.folder)
        return named(MODEL, tensors), named(TRAINING, tensors)

    @property
    def averaged(self) -> bool:
        """Whether sampling and scoring use averaged weights."""
        return self.folder.keeps("average.safetensors")

    def sample(self, n: int, seed: int = 0, given: Mapping[str, Any] | None = None, **options: Any) -> Tensor:
        """n samples (n, *space.shape) in the data's units.

        given     {"text": "a red heart", "source": "photo.png"}, a label by name or number, or tensors; conditions that are
                  left out are drawn: see `conditions`
        options   averaged=False for the raw weights, best=True for those of its best check-up, exact=True for samples that
                  are byte-identical whatever n is, and the model's own (sampling_steps=50, ...)
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
        """Frames on the way to the samples of `sample`, each (n, *space.shape); the last alone where n exceeds one chunk."""
        if not hasattr(n, "__index__") or n < 1:
            raise ValueError(f"n must be a whole number of at least 1, got {n!r:.60}")
        model = self.model(averaged, best)
        options = own_options(model.sample, options)
        conditions = self.conditions(n, seed, given)
        size = EXACT_CHUNK if exact else CHUNK
        if n <= size and not exact:
            yield from drawn(model, range(n), seed, conditions.given, options)
            return
        parts = []
        for first in range(0, n, size):
            rows = range(first, first + size) if exact else range(first, min(n, first + size))
            chosen = conditions.take([min(row, n - 1) for row in rows])
            *_, last = drawn(model, rows, seed, chosen.given, options)
            parts.append(last)
        yield torch.cat(parts)[:n]

    def conditions(
        self,
        n: int,
        seed: int = 0,
        given: Mapping[str, Any] | None = None,
        split: Split = "validation",
        data: Data | None = None,
    ) -> Conditions:
        """The conditions of n samples, on the model's device: see `core.conditions.conditions`.

        given   {"text": "a red heart", "source": "photo.png" or a folder}, a label by name or number; tensors; lists of these
        split   of the examples whose conditions are taken, where any are needed
        data    those it was trained on, where they are open already
        ValueError for a condition that this model does not take, naming the models that do.
        """
        if not isinstance(given or {}, Mapping):
            raise ValueError(f'given is a dictionary, as {{"label": 3}}, not {type(given).__name__}')
        for key in given or {}:
            if key not in self.takes:
                raise ValueError(self._not_taken(key))
        source = self._source if data is None else replace(self._source, data=lambda: data)
        return conditions(source, n, seed, given, split).to(Engine(self.device).device)

    @cached_property
    def takes(self) -> dict[str, Space]:
        """The conditions that its samples are given: those of its data that the model uses."""
        return taken(used(class_of(self.recipe.name), self.given, self.recipe.name))

    @cached_property
    def _source(self) -> ConditionSource:
        counts = self.head["data"].get("label_counts")
        opened = cache(lambda: self.once_opened(self.data()))
        return ConditionSource(self.takes, counted(self.given, counts), opened, self._encoded)

    def _encoded(self, key: str, value: Any) -> Tensor:
        space = self.given[key]
        if space.text:
            return prompts.text(key, value, self.tokenizer(key), space)
        if space.picture and isinstance(value, str | Path):
            return prompts.pictures(key, value, space)
        raise ValueError(f"{key} {str(value)[:60]!r} cannot be read here; give a tensor of shape {space.shape}")

    def _not_taken(self, key: str) -> str:
        known = ", ".join(self.takes)
        here = f"it takes {known}" if known else "it takes no condition"
        if key in self.given:
            return f"{self.recipe.name} does not use {key}, {here}; {that_use(key, kind_of(self.space).name)}"
        return f"{self.path.name} was trained on data that do not give {key}; {here}"

    def texts(self, x: Tensor) -> Sequence[str]:
        """Samples (n, T) of text, decoded.

        Where the run has lost its tokenizer, the names of the tokens stand for them, and a warning says so.
        """
        if self.space.encoder:
            try:
                return self.tokenizer().decode(x)
            except (ValueError, OSError) as error:
                warnings.warn(Damaged(f"{error}; until then parts of characters are not put together"), stacklevel=2)
        return texts(x, self.space)

    def able(self, verb: str, averaged: bool = True, best: bool = False) -> Model:
        """The model; ValueError, naming models that can, where it lacks the capability `verb` of `core.model.CAPABILITIES`."""
        model, kind = self.model(averaged, best), kind_of(self.space).name
        if isinstance(model, CAPABILITIES[verb]):
            return model
        others = [row.name for row in MODELS if verb in row.can and kind in row.kinds]
        named = " and ".join(part for part in (", ".join(others[:-1]), *others[-1:]) if part)
        instead = f"for {kind} {named} can" if others else f"no model of {kind} can"
        raise ValueError(f"{self.recipe.name} cannot {verb}; {instead}")

    def reconstruct(
        self, n: int = 16, split: Split = "test", *, averaged: bool = True, data: Data | None = None
    ) -> Reconstruction:
        """The first n examples of a split, encoded and decoded.

        averaged   averaged weights, where it has them, rather than the raw ones
        data       those it was trained on, where they are open already
        ValueError for a model without an encoder.
        """
        return reconstruct(self, n, split, averaged, data)

    def interpolate(
        self,
        n: int = 6,
        steps: int = 10,
        seed: int = 0,
        given: Mapping[str, Any] | None = None,
        *,
        real: bool = False,
        averaged: bool = True,
        data: Data | None = None,
        progress: Callable[[float], object] | None = None,
    ) -> Interpolation:
        """n interpolations between two latents, each decoded at `steps` points, both ends among them.

        given      as `sample` takes it; constant along an interpolation
        real       whether the ends are the first 2n test examples, rather than draws from the prior. Each end then has the
                   conditions that the data give with it, and every point between has those of the nearer end
        averaged   averaged weights, where it has them, rather than the raw ones
        data       those it was trained on, where they are open already
        progress   called with the share done, 0..1
        ValueError for a model without latents, or for real ends of one without an encoder.
        """
        return interpolate(self, n, steps, seed, given, real, averaged, data, progress)

    def complete(
        self,
        x: Tensor,
        mask: Tensor,
        seed: int = 0,
        given: Mapping[str, Any] | None = None,
        *,
        averaged: bool = True,
        data: Data | None = None,
        **options: Any,
    ) -> Completion:
        """Draw the entries of x where `mask` is False, given those where it is True.

        x         (n, *space.shape) in the data's units
        mask      (n, *space.shape), or (*space.shape) for all of them
        given     as `sample` takes it
        averaged  averaged weights, where it has them, rather than the raw ones
        data      those it was trained on, where they are open already
        options   the model's own (temperature=0.8, ...)
        ValueError for a model that cannot complete, or where x and mask do not fit.
        """
        return complete(self, x, mask, seed, given, averaged, data, options)

    def complete_text(
        self, text: str, n: int = 1, length: int = LENGTH, seed: int = 0, given: Mapping[str, Any] | None = None, **options: Any
    ) -> Completion:
        """n texts that begin with `text`; `texts` decodes the x of the result.

        length    tokens that a window goes on for; a line goes on to its end
        options   of `complete`
        """
        return self.complete(*begun(self, text, n, length), seed, given, **options)

    def complete_half(
        self,
        keep: Half = "top",
        n: int = 8,
        split: Split = "test",
        seed: int = 0,
        given: Mapping[str, Any] | None = None,
        *,
        data: Data | None = None,
        **options: Any,
    ) -> Completion:
        """The first n pictures of a split, of which one half is kept and the other one drawn.

        given     conditions that differ from those that the data give with the pictures
        options   of `complete`
        """
        opened: Data = self.data() if data is None else data
        x, mask, own = halved(self, keep, n, split, opened)
        return self.complete(x, mask, seed, {**own, **(given or {})}, data=opened, **options)

    def reached(self, rows: Sequence[Mapping[str, Any]] | None = None) -> dict[str, Any]:
        """How far it is trained: {"progress": 0..1, "examples": ..., "seconds": of training}; {} where that is not known.

        rows   the result of `ticks`, where it was read already. The last checkpoint is later than the last of these where
               training has ended, and earlier where it was killed or is going on
        """
        last, saved = next(iter((self.ticks() if rows is None else rows)[-1:]), {}), self.folder.reached()
        later = saved if saved.get("examples", -1) >= last.get("examples", 0) else last
        names = ("progress", "examples", "seconds")
        return {name: later.get(name, last.get(name, 0)) for name in names} if saved or last else {}

    def ticks(self) -> list[dict[str, Any]]:
        """The readings logged during training."""
        return list(self.folder.ticks())


@torch.no_grad()
def drawn(model: Model, rows: range, seed: int, given: Mapping[str, Tensor], options: Mapping[str, Any]) -> Iterator[Tensor]:
    """Frames of samples, on the CPU. Each row has noise of its own, so a sample does not depend on the rows beside it."""
    noise = Noise(seed, rows, device_of(model))
    for frame in model.sample(len(rows), given or None, noise=noise, **options):
        yield frame.cpu()
