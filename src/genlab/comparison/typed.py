"""Dataclasses made from plain JSON values, which are checked against the type hints."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, Union

from genlab.core.space import Space

LARGEST = 2**63  # of whole numbers
SIMPLE = {str: str, bool: bool, int: int, float: (int, float), type(None): type(None)}


def parsed(hint: Any, value: Any) -> Any:
    """The value in the type of its hint; ValueError where it has another shape.

    A dataclass or NamedTuple comes from a record of its fields; entries that it does not name are ignored, those with a
    default may be missing. In a mapping of records that have a `name`, each is called what its key says. Where a number is
    needed and may not be missing, null is nan: JSON has no other word for it.
    """
    if hint is Any or hint is object:
        return value
    if hint in SIMPLE:
        return _simple(hint, value)
    if hint is Space:
        return Space.from_json(_checked(value, dict))
    if is_dataclass(hint) or hasattr(hint, "_fields"):
        return _record(hint, _checked(value, dict))
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return None if value is None and type(None) in arguments else _first(arguments, value)
    if origin is Literal:
        return _member(arguments, value)
    if origin is tuple:
        return tuple(parsed(arguments[0], part) for part in _checked(value, list))
    assert origin is Mapping, f"no reader for {hint}"
    return {key: parsed(arguments[1], _named(arguments[1], key, part)) for key, part in _checked(value, dict).items()}


def _simple(hint: type, value: Any) -> Any:
    if hint is float and value is None:
        return float("nan")
    if isinstance(value, bool) != (hint is bool) or (isinstance(value, int) and abs(value) >= LARGEST):
        raise ValueError(f"{str(value)[:40]!r} is no {hint.__name__}")
    return _checked(value, SIMPLE[hint])


def _checked(value: Any, kind: Any) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"a {type(value).__name__} stands where something else should")
    return value


def _member(choices: tuple[Any, ...], value: Any) -> Any:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{str(value)[:40]!r} is none of {', '.join(map(str, choices))}")
    return value


def _first(choices: tuple[Any, ...], value: Any) -> Any:
    """The value in the first of several types that it fits."""
    reason = ValueError("nothing fits")
    for choice in choices:
        if choice is not type(None):
            try:
                return parsed(choice, value)
            except ValueError as error:
                reason = error
    raise reason


def _named(hint: Any, key: str, value: Any) -> Any:
    has_name = is_dataclass(hint) and any(field.name == "name" for field in fields(hint))
    return {**value, "name": key} if has_name and isinstance(value, dict) else value


def _record(hint: Any, value: Mapping[str, Any]) -> Any:
    hints = typing.get_type_hints(hint)
    if is_dataclass(hint):
        needed = {f.name: f.default is MISSING and f.default_factory is MISSING for f in fields(hint) if f.init}
    else:
        needed = {name: name not in hint._field_defaults for name in hint._fields}
    missing = [name for name, must in needed.items() if must and name not in value]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    made: Any = hint
    return made(**{name: parsed(hints[name], value[name]) for name in needed if name in value})
