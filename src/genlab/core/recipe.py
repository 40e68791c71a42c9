"""What decides a run: the model's config, a budget, how each move descends. No torch here: help pages read this.

Every field is made by `setting`, which states its unit and range; `replaced` is the one way to change a field by name.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple


def setting(
    default: Any, about: str, *, low: float | None = None, high: float | None = None, differs: type | None = None
) -> Any:
    """A dataclass field with its meaning, unit and closed range; choices are the field's Literal type.

    differs: the field is a mapping, by name, of those fields of this dataclass that differ: {"generator": {"rate": 1e-4}}
    """
    metadata = {"about": about, "low": low, "high": high} | ({"differs": differs} if differs else {})
    if isinstance(default, dict | list):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


UNITS = ("steps", "examples", "seconds")


@dataclass(frozen=True)
class Budget:
    """How long to train: exactly one of the three.

    extra: (stage, amount) of each extension of the run
    """

    steps: int | None = None
    examples: int | None = None
    seconds: float | None = None
    extra: tuple[tuple[int, float], ...] = ()

    def __post_init__(self) -> None:
        amounts = {unit: getattr(self, unit) for unit in UNITS if getattr(self, unit) is not None}
        if len(amounts) != 1:
            raise ValueError(f"a budget is steps, examples or seconds, exactly one of them; got {amounts or 'none'}")
        ((unit, amount),) = amounts.items()
        for part in (amount, *(more for _, more in self.extra)):
            if not part > 0 or part == float("inf"):
                raise ValueError(f"--{unit} must be more than 0, got {part}")

    @property
    def unit(self) -> str:
        return next(unit for unit in UNITS if getattr(self, unit) is not None)

    @property
    def amount(self) -> float:
        """The budget that the run began with, which its stages share."""
        return float(getattr(self, self.unit))

    @property
    def total(self) -> float:
        """The budget with all its extensions."""
        return self.amount + sum(more for _, more in self.extra)

    def of_stage(self, number: int, share: float) -> float:
        """The budget of a stage that has this share of the amount, with its extensions."""
        return share * self.amount + sum(more for stage, more in self.extra if stage == number)

    def extended(self, stage: int, more: float) -> Budget:
        """The budget with so much more for a stage."""
        return dataclasses.replace(self, extra=(*self.extra, (stage, more)))

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Budget:
        extra = tuple((int(stage), float(more)) for stage, more in record.get("extra", ()))
        return cls(**{unit: record[unit] for unit in UNITS if record.get(unit) is not None}, extra=extra)


@dataclass(frozen=True)
class Optim:
    """How one move descends, and how what it trains is averaged. Rates follow the stage's progress: warm-up, then `decay`."""

    name: Literal["adamw", "muon", "sgd", "rmsprop"] = setting(
        "adamw", "update rule; muon: matrices by Muon, the rest by AdamW"
    )
    rate: float = setting(1e-3, "learning rate", low=0)
    beta1: float = setting(0.9, "decay of the gradient's average (momentum for sgd)", low=0, high=0.9999)
    beta2: float = setting(0.999, "decay of the squared gradient's average", low=0, high=0.99999)
    weight_decay: float = setting(0.0, "decoupled decay of tensors with two or more dimensions", low=0)
    warmup: float = setting(0.0, "share of the stage over which the rate rises from 0", low=0, high=1)
    decay: Literal["constant", "cosine", "linear"] = setting("constant", "how the rate falls after the warm-up")
    floor: float = setting(0.0, "share of the rate that cosine and linear end at", low=0, high=1)
    clip: float = setting(0.0, "largest norm of a move's gradient; 0 leaves it alone", low=0)
    matrix_rate: float = setting(0.02, "learning rate of the matrices under muon", low=0)
    half_life: float = setting(0.0, "averaged weights: examples after which a weight's share halves; 0 is off", low=0)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run, apart from the data and the machine.

    moves: fields of `optim` that differ for a move, by the name of its optimiser, which is the move's own name unless it
    shares one. A name that no move has is refused before a step is taken.
    """

    name: str
    model: Any  # the model's own config dataclass
    budget: Budget = Budget(seconds=60)
    batch: int = setting(64, "examples a step, over all processes", low=1, high=1_000_000)
    optim: Optim = Optim()
    moves: Mapping[str, Mapping[str, Any]] = setting({}, "what differs from `optim`, by move", differs=Optim)
    flip: bool = setting(
        False, "augmentation: mirror half of the training pictures left to right, pictures that are given with them"
    )
    seed: int = setting(0, "of everything random", low=0, high=2**62)
    paper: str = ""
    expected: str = ""  # the result and the command that yields it

    def optim_of(self, name: str) -> Optim:
        """The settings of the optimiser of this name."""
        return dataclasses.replace(self.optim, **self.moves.get(name, {}))


def differing(one: Optim, other: Optim) -> dict[str, Any]:
    """The fields in which one differs from the other: an entry of `Recipe.moves`."""
    names = [entry.name for entry in dataclasses.fields(one)]
    return {name: getattr(one, name) for name in names if getattr(one, name) != getattr(other, name)}


def settings(config: Any, prefix: str = "") -> dict[str, dataclasses.Field[Any]]:
    """The settings that `--set` can change, as dotted name -> field.

    These are the fields that `setting` made and, in the config of a model, every plain number, word or truth value too.
    ValueError where a mapping of what differs names no field.
    """
    found: dict[str, dataclasses.Field[Any]] = {}
    for entry in dataclasses.fields(config):
        value = getattr(config, entry.name)
        if "differs" in entry.metadata:
            known = _fields(entry.metadata["differs"])
            for name, inner in value.items():
                path = f"{prefix}{entry.name}.{name}."
                for key in inner:
                    if key not in known:
                        raise _unknown(path + key, [path + other for other in known], "recipe")
                    found[path + key] = known[key]
        elif dataclasses.is_dataclass(value):
            found |= settings(value, f"{prefix}{entry.name}.")
        elif "about" in entry.metadata or (prefix.startswith("model.") and isinstance(value, bool | int | float | str)):
            found[prefix + entry.name] = entry
    return found


class Setting(NamedTuple):
    """needs: its type and range in words. about: its meaning and unit."""

    key: str
    default: Any
    needs: str
    about: str


def explained(recipe: Any) -> Iterator[Setting]:
    """Every setting of a recipe, with its value there as the default."""
    for key, entry in settings(recipe).items():
        value: Any = recipe
        for part in key.split("."):
            value = value[part] if isinstance(value, Mapping) else getattr(value, part)
        bare = dataclasses.field(metadata={**entry.metadata, "about": ""})
        yield Setting(key, value, described(type_of(recipe, key), bare), entry.metadata.get("about", ""))


def _fields(kind: Any) -> dict[str, dataclasses.Field[Any]]:
    return {entry.name: entry for entry in dataclasses.fields(kind)}


def _differences(recipe: Any, keys: Iterable[str]) -> dict[str, dataclasses.Field[Any]]:
    """The settings "moves.NAME.FIELD" of all moves that keys name; `settings` lists those alone that differ already."""
    found: dict[str, dataclasses.Field[Any]] = {}
    for entry in dataclasses.fields(recipe):
        if "differs" in entry.metadata:
            names = {key.split(".")[1] for key in keys if key.startswith(f"{entry.name}.") and key.count(".") == 2}
            known = _fields(entry.metadata["differs"])
            found |= {f"{entry.name}.{name}.{field}": known[field] for name in names for field in known}
    return found


def replaced(recipe: Any, changes: Mapping[str, Any], what: str = "recipe") -> Any:
    """The recipe with `{"model.latent": "64"}` applied; strings are read as the field's type.

    Raises ValueError naming the near miss of an unknown key, or the valid range of a wrong value.
    """
    known = settings(recipe) | _differences(recipe, changes)
    for key, value in changes.items():
        if key not in known:
            raise _unknown(key, known, what)
        recipe = _put(recipe, key.split("."), read(value, type_of(recipe, key), known[key], key))
    return recipe


def _unknown(key: str, known: Iterable[str], what: str) -> ValueError:
    near = difflib.get_close_matches(key, known, 1, 0.4) or difflib.get_close_matches(f"model.{key}", known, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"it has: {', '.join(known)}"
    return ValueError(f"--set {key}: no such setting of this {what}; {hint}")


def type_of(config: Any, key: str) -> Any:
    """The annotated type of a dotted field."""
    *path, last = key.split(".")
    for name in path:
        entry = _fields(config)[name]
        if "differs" in entry.metadata:
            return _hints(entry.metadata["differs"])[last]
        config = getattr(config, name)
    return _hints(type(config))[last]


_hints = functools.cache(typing.get_type_hints)  # it compiles every annotation of every field anew


def _put(config: Any, path: list[str], value: Any) -> Any:
    head, *rest = path
    if isinstance(config, Mapping):
        return {**config, head: _put(config.get(head, {}), rest, value) if rest else value}
    return dataclasses.replace(config, **{head: _put(getattr(config, head), rest, value) if rest else value})


def read(value: Any, hint: Any, entry: dataclasses.Field[Any], key: str) -> Any:
    """`value` as the type `hint`, checked against the field's range; ValueError says what would be right."""
    try:
        result = parsed(value, hint)
    except (ValueError, TypeError, KeyError, OverflowError):
        raise ValueError(f"--set {key}={str(value)[:60]}: needs {described(hint, entry)}") from None
    for number in result if isinstance(result, tuple) else (result,):
        low, high = entry.metadata.get("low"), entry.metadata.get("high")
        numeric = isinstance(number, int | float) and not isinstance(number, bool)
        if numeric and (number != number or (low is not None and number < low) or (high is not None and number > high)):
            raise ValueError(f"--set {key}={str(value)[:60]}: needs {described(hint, entry)}")
    return result


_WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def parsed(value: Any, hint: Any) -> Any:
    """`value`, a word of the command line or a value of JSON, as the type `hint`; ValueError or KeyError where it is none."""
    origin, options = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        match = [option for option in options if str(option) == str(value)]
        if not match:
            raise ValueError
        return match[0]
    if origin in (typing.Union, types.UnionType):
        if value is None or str(value).lower() == "none":
            return None
        return parsed(value, next(option for option in options if option is not type(None)))
    if origin is tuple:
        parts = value.strip("()[] ").split(",") if isinstance(value, str) else list(value)
        return tuple(parsed(part.strip() if isinstance(part, str) else part, options[0]) for part in parts if part != "")
    if hint is bool:
        return _WORDS[str(value).lower()]
    if hint is int:
        if isinstance(value, str) and value.lstrip("-").isdigit():
            return int(value)
        if not float(value).is_integer():
            raise ValueError
        return int(float(value))
    return hint(value)


def described(hint: Any, entry: dataclasses.Field[Any]) -> str:
    """The type and range of a setting in words: "a whole number from 1 to 4096 (size of the latent vector)"."""
    origin, options = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        words = "one of " + ", ".join(str(option) for option in options)
    elif origin is tuple:
        words = "numbers separated by commas"
    else:
        plain = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}
        words = next((plain[kind] for kind in (hint, *options) if kind in plain), str(hint))
    low, high = entry.metadata.get("low"), entry.metadata.get("high")
    if low is not None and high is not None:
        words += f" from {_written(low)} to {_written(high)}"
    elif low is not None:
        words += f" of at least {_written(low)}"
    about = entry.metadata.get("about", "")
    return f"{words} ({about})" if about else words


def _written(number: float) -> str:
    return f"{int(number):,}" if number >= 10_000 and number == int(number) else f"{number:g}"


def check(recipe: Any) -> None:
    """ValueError unless every field of a recipe lies in its range."""
    for key, entry in settings(recipe).items():
        value: Any = recipe
        for name in key.split("."):
            value = value[name] if isinstance(value, Mapping) else getattr(value, name)
        read(value, type_of(recipe, key), entry, key)


def to_json(recipe: Any) -> Any:
    """A recipe as plain JSON values."""
    return dataclasses.asdict(recipe)


def from_json(base: Any, record: Mapping[str, Any]) -> Any:
    """`base` with every recorded setting put back; unknown keys are refused by name."""
    named = [entry.name for entry in dataclasses.fields(base) if "differs" in entry.metadata]
    base = dataclasses.replace(base, **{name: {} for name in named})
    changes: dict[str, Any] = {}
    for key in (*settings(base), *named):
        value: Any = record
        for name in key.split("."):
            if not isinstance(value, Mapping) or name not in value:
                raise ValueError(f"the recipe lacks {key}; it was written by another version of genlab")
            value = value[name]
        changes |= _flat(key, value) if key in named else {key: value}
    try:
        recipe = replaced(base, changes)
    except ValueError as error:
        raise ValueError(f"the recipe was written by another version of genlab ({error})") from None
    return dataclasses.replace(recipe, budget=Budget.from_json(record["budget"])) if record.get("budget") else recipe


def _flat(prefix: str, differences: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {f"{prefix}.{name}.{key}": value for name, inner in differences.items() for key, value in inner.items()}
