"""genlab learns a distribution from your data in every way the field knows.

    data = genlab.open("my-pictures/")
    run = genlab.train("ddpm", data, seconds=60)
    pictures = run.sample(16)
    print(genlab.score(run))
    print(genlab.describe(run))

    comparison = genlab.compare(data, models=["vae", "gan"], seconds=60)   # or which model suits the data
    print(comparison.rows, comparison.best())

`list_models()` and `list_measures()` list what can be trained and measured. One level down, training is
`for tick in genlab.fit(model, data, recipe, engine)`. torch is loaded when it is first needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genlab.api import Budget, Engine, Run, build, fit, load, open, recipe_for, resume, train
    from genlab.comparison.calls import compare, score
    from genlab.comparison.comparison import Comparison
    from genlab.comparison.run_summary import describe
    from genlab.measure.catalogue import Measure
    from genlab.recipes.index import Entry

WHERE = {
    "genlab.api": ("Budget", "Engine", "Run", "build", "fit", "load", "open", "recipe_for", "resume", "train"),
    "genlab.comparison.calls": ("compare", "score"),
    "genlab.comparison.comparison": ("Comparison",),
    "genlab.comparison.run_summary": ("describe",),
}
__all__ = [
    "Budget",
    "Comparison",
    "Engine",
    "Run",
    "build",
    "compare",
    "describe",
    "fit",
    "list_measures",
    "list_models",
    "load",
    "open",
    "recipe_for",
    "resume",
    "score",
    "train",
]


def list_models() -> tuple[Entry, ...]:
    """Every model that can be trained by name: family, kinds of data, likelihood, capabilities, one line on its idea."""
    from genlab.recipes.index import MODELS

    return MODELS


def list_measures() -> tuple[Measure, ...]:
    """Every measure of samples: its question, which way is better, what it says. The likelihood is a measure besides."""
    from genlab.measure.catalogue import MEASURES

    return MEASURES


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("genlab")
    for module, names in WHERE.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"genlab has no {name!r}; it has {', '.join(__all__)}")
