"""Models of the user's own: a class that is passed in Python, or `FILE.py:NAME` on the command line.

A class is registered under its own name, beside the models of the index, until the process ends. A run records the names of
the class and of its file for people to read. Code is never imported because a record names it, so the class must be passed
again when a run is opened.

The recipe is the result of the class's static method `recipe(space, given)`. A class without one gets the default `Recipe`,
with the config that the annotation of `config` in its `__init__` names: a dataclass whose fields all have defaults.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from genlab.core.kinds import KINDS
from genlab.core.model import CLAIMS, Claim, Model, capabilities
from genlab.core.recipe import Recipe
from genlab.core.space import Space
from genlab.features.user import run_file
from genlab.recipes.index import MODELS, OWN, Entry

FAMILY = "own"
CLASSES: dict[str, type[Model]] = {}
SPELLED: dict[str, str] = {}  # how a class was named that came from a file
RECIPES: dict[str, Callable[[Space, Mapping[str, Space]], Recipe]] = {}


def registered(model: str | type[Model]) -> str:
    """The name of a model: of the index, of a class, or of what FILE.py:NAME defines, which are registered.

    ValueError where there is no such model, or it is none.
    """
    if isinstance(model, str) and ".py:" not in model:
        return model
    found = _from_file(model) if isinstance(model, str) else model
    _check(found)
    CLASSES[found.__name__] = found
    RECIPES[found.__name__] = partial(recipe_of, found)
    OWN[found.__name__] = _entry(found)
    SPELLED[found.__name__] = model if isinstance(model, str) else found.__name__
    return found.__name__


def all_registered(models: Iterable[str | type[Model]]) -> list[str]:
    """The names of models, each once. ValueError for two classes of one name, which could not be told apart."""
    found: dict[str, Any] = {}
    for model in dict.fromkeys(models):
        name = registered(model)
        if found.setdefault(name, CLASSES.get(name)) is not CLASSES.get(name):
            raise ValueError(f"two classes are called {name}; call one of them something else, to tell them apart")
    return list(found)


def spelled(name: str) -> str:
    """A model as it is named on a command line."""
    return SPELLED.get(name, name)


def origin(name: str) -> str:
    """Where the class of a model of the user's own was defined, "my_model.py:MyModel", for people to read; "" for others."""
    if name not in CLASSES:
        return ""
    try:
        file = Path(inspect.getsourcefile(CLASSES[name]) or "").name
    except (TypeError, OSError):  # typed into a console
        file = ""
    return f"{file or CLASSES[name].__module__}:{name}"


def recipe_of(model: type[Model], space: Space, given: Mapping[str, Space]) -> Recipe:
    """The recipe of a class of the user's own; ValueError where it has none and its config cannot be made."""
    make = getattr(model, "recipe", None)
    if make is None:
        return Recipe(model.__name__, _config(model))
    if not callable(make) or inspect.isfunction(inspect.getattr_static(model, "recipe")):
        raise ValueError(f"{model.__name__}.recipe must be a static method recipe(space, given) that returns a genlab Recipe")
    found = make(space, given)
    if not isinstance(found, Recipe):
        raise ValueError(f"{model.__name__}.recipe returned {type(found).__name__}; it must return a genlab Recipe")
    return replace(found, name=model.__name__)


def _config(model: type[Model]) -> Any:
    advice = f"{model.__name__}: annotate `config` of its __init__ with a dataclass whose fields all have defaults"
    try:
        hint = typing.get_type_hints(model.__init__).get("config")
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        raise ValueError(f"{advice} ({error}), or give it a static method recipe(space, given)") from None
    if hint is None or hint is type(None):
        return None
    if not (isinstance(hint, type) and is_dataclass(hint)):
        raise ValueError(f"{advice}, or give it a static method recipe(space, given)")
    try:
        return hint()
    except TypeError as error:
        raise ValueError(f"{advice} ({error})") from None


def _check(model: Any) -> None:
    if not (isinstance(model, type) and issubclass(model, Model)):
        raise ValueError(f"{getattr(model, '__name__', model)!s:.60} is no model: it must be a class made from genlab's Model")
    if inspect.isabstract(model):
        missing = ", ".join(sorted(model.__abstractmethods__))
        raise ValueError(f"{model.__name__} lacks {missing}: every model says how it is trained and sampled")
    for name in ("needs", "uses", "training_state"):
        if isinstance(getattr(model, name), str):
            raise ValueError(f"{model.__name__}.{name} must be a tuple of names, as {name} = ('text',)")
    if any(row.name == model.__name__ for row in MODELS):
        raise ValueError(f"{model.__name__} is the name of a model of genlab; call your class something else")


def _entry(model: type[Model]) -> Entry:
    idea = next(iter((model.__doc__ or "").strip().splitlines()), "") if "__doc__" in vars(model) else ""
    claim: Claim = getattr(model, "claim", "exact")
    kinds = tuple(kind.name for kind in KINDS)
    uses = tuple(dict.fromkeys((*model.needs, *model.uses)))
    can = capabilities(model)
    likelihood = CLAIMS[claim] if hasattr(model, "log_prob") else "none"
    return Entry(model.__name__, FAMILY, kinds, likelihood, can, uses, idea, "", __name__, model.needs)


def _from_file(spec: str) -> Any:
    file, _, name = spec.rpartition(":")
    path = Path(file).expanduser()
    module = run_file(path, "models are FILE.py:NAME")
    if not hasattr(module, name):
        models = [key for key, value in vars(module).items() if _defined(value, module)]
        raise ValueError(f"{path} has no {name}; " + (f"it has {', '.join(models)}" if models else "it defines no model"))
    return getattr(module, name)


def _defined(value: Any, module: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Model) and value.__module__ == module.__name__
