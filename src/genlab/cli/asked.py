"""What a run is asked: options of the model's own methods, which models can do a verb."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import typing
from collections.abc import Callable, Sequence
from typing import Any

from genlab.cli.options import pairs
from genlab.core.recipe import described, parsed
from genlab.recipes.index import MODELS

OWN = ("self", "n", "x", "mask", "given", "noise")  # what the command line itself passes


def own_options(method: Callable[..., Any], said: Sequence[str]) -> dict[str, Any]:
    """`--option KEY=VALUE` words as keyword arguments of a model's method.

    ValueError names the near miss of an unknown key, or what a value must be.
    """
    hints = typing.get_type_hints(method)
    own = {name: entry for name, entry in inspect.signature(method).parameters.items() if name not in OWN}
    there = {name: hints.get(name, str) for name in own}
    found: dict[str, Any] = {}
    for key, value in pairs(said, "--option").items():
        if key not in there:
            raise ValueError(f"--option {key}: {_nearest(key, list(there))}")
        try:
            found[key] = parsed(value, there[key])
        except (ValueError, TypeError, KeyError):
            raise ValueError(f"--option {key}={value}: needs {described(there[key], dataclasses.field())}") from None
        if type(found[key]) is int and found[key] < 1 and found[key] != own[key].default:
            raise ValueError(f"--option {key}={value}: needs a whole number of at least 1")
    return found


def _nearest(key: str, there: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, there, 1, 0.4)
    if near:
        return f"did you mean {near[0]}?"
    return f"this model has {', '.join(there)}" if there else "this model has no options of its own here"


def able(model: Any, capability: Any, verb: str, name: str, kind: str) -> None:
    """ValueError unless the model has the capability; it names the models that learn this kind of data and have it."""
    if isinstance(model, capability):
        return
    others = [row.name for row in MODELS if verb in row.can and kind in row.kinds]
    instead = f"; for {kind} {_joined(others)} can" if others else f"; no model of {kind} can"
    raise ValueError(f"{name} cannot {verb}{instead}")


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
