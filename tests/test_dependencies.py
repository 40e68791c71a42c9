"""What pyproject.toml asks for is what src/ imports: nothing unused is installed, nothing used is missing."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


def imported(source: str) -> Iterator[str]:
    """The first words of absolute imports, wherever in the text they stand."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def name_of(requirement: str) -> str:
    """ "Pillow>=11; python_version > '3'" -> "pillow", as PEP 503 spells it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


def distributions(modules: Iterator[str]) -> dict[str, set[str]]:
    """Modules that others wrote -> distributions that hold them, by what is installed."""
    installed = packages_distributions()
    others = set(modules) - sys.stdlib_module_names - {"genlab"}
    return {module: {name_of(name) for name in installed.get(module, ())} for module in others}


def faults(project: Mapping[str, Any], sources: list[str]) -> list[str]:
    """Sentences on what is declared and what is imported, where they differ."""
    needed = {name_of(requirement) for requirement in project["dependencies"]}
    extras = {
        extra: {name_of(requirement) for requirement in asked}
        for extra, asked in project["optional-dependencies"].items()
        if extra != "dev"
    }
    found = distributions(module for source in sources for module in imported(source))
    used = set().union(*found.values())
    declared = needed.union(*extras.values())
    unused = [f"{name} is a dependency that no line imports" for name in sorted(needed - used)]
    empty = [
        f"{name} of the extra {extra} is imported by no line"
        for extra, names in extras.items()
        for name in sorted(names - used)
    ]
    unsaid = [f"{module} is imported and declared nowhere" for module, names in sorted(found.items()) if not names & declared]
    return unused + empty + unsaid


def ours() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def texts() -> list[str]:
    return [path.read_text() for path in sorted((ROOT / "src").rglob("*.py"))]


def test_dependencies_are_what_is_imported() -> None:
    assert faults(ours(), texts()) == []


@pytest.mark.parametrize(
    ("change", "source", "sentence"),
    [
        ({"dependencies": ["SciPy>=1"]}, "", "scipy is a dependency that no line imports"),
        ({"optional-dependencies": {"plots": ["POT"]}}, "", "pot of the extra plots is imported by no line"),
        ({}, "def f():\n    from scipy import linalg", "scipy is imported and declared nowhere"),
        ({}, "import no_such_module", "no_such_module is imported and declared nowhere"),
    ],
)
def test_each_fault_has_its_sentence(change: dict[str, Any], source: str, sentence: str) -> None:
    project = {"dependencies": ["pillow>=11"], "optional-dependencies": {"dev": ["ruff"]}}
    clean = ["import os\nfrom PIL import Image\nfrom genlab import api\nfrom . import x"]
    assert faults(project, clean) == []
    assert faults(
        {**project, **{k: [*v, "pillow"] if isinstance(v, list) else v for k, v in change.items()}}, [*clean, source]
    ) == [sentence]


def test_what_tests_compare_with_is_not_installed_for_users() -> None:
    """References stay in `dev`: scipy alone is 140 MB."""
    heavy = {"scipy", "torchdiffeq", "torchmetrics", "scikit-learn", "matplotlib", "transformers", "diffusers"}
    project = ours()
    asked = [
        *project["dependencies"],
        *(r for extra, rs in project["optional-dependencies"].items() if extra != "dev" for r in rs),
    ]
    assert not heavy & {name_of(requirement) for requirement in asked}
