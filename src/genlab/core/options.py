"""Options of a model's own methods, as `sample(..., sampling_steps=50)`, read off their signatures."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, signature
from typing import Any

from genlab.core.recipe import described, parsed

CONTRACT = ("self", "n", "x", "mask", "given", "noise")  # what every model's method is called with


def own_options(method: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as keyword arguments of a model's method; words, as of a command line, become values of the option's type.

    A method that takes any keyword (**options) takes all that it does not name. ValueError names the near miss of an unknown
    option, or what a value must be.
    """
    parameters = {name: entry for name, entry in signature(method).parameters.items() if name not in CONTRACT}
    named = {name: entry for name, entry in parameters.items() if entry.kind is not Parameter.VAR_KEYWORD}
    found: dict[str, Any] = {}
    for key, value in options.items():
        if key not in named and len(named) == len(parameters):
            raise ValueError(f"{key}: {_nearest(key, list(named))}")
        found[key] = _read(method, key, value) if isinstance(value, str) and key in named else value
        if type(found[key]) is int and found[key] < 1 and key in named and found[key] != named[key].default:
            raise ValueError(f"{key}={value}: needs a whole number of at least 1")
    return found


def _read(method: Callable[..., Any], key: str, word: str) -> Any:
    hint = typing.get_type_hints(method).get(key, str)
    try:
        return parsed(word, hint)
    except (ValueError, TypeError, KeyError):
        raise ValueError(f"{key}={word}: needs {described(hint, dataclasses.field())}") from None


def _nearest(key: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, names, 1, 0.4)
    if near:
        return f"did you mean {near[0]}?"
    return f"this model has {', '.join(names)}" if names else "this model has no options of its own here"
