"""genlab learns a distribution from your data in every way the field knows.

    data = genlab.open("my-pictures/")
    run = genlab.train("ddpm", data, seconds=60)
    pictures = run.sample(16)

One level down, `for tick in genlab.fit(model, data, recipe, engine)`. torch is loaded when it is first needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genlab.api import Budget, Engine, Run, build, fit, load, open, recipe_for, resume, train

__all__ = ["Budget", "Engine", "Run", "build", "fit", "load", "open", "recipe_for", "resume", "train"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("genlab")
    if name in __all__:
        from genlab import api

        return getattr(api, name)
    raise AttributeError(f"genlab has no {name!r}; it has {', '.join(__all__)}")
