"""Benchmarks keep up with the library: each can be imported, and one of them runs from end to end."""

from __future__ import annotations

import importlib
import json
import math
import pkgutil
from pathlib import Path

import benchmarks
import pytest

NAMES = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_can_be_imported(name: str) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    assert name == "common" or callable(module.main)


def test_names_are_learnt_from_end_to_end(tmp_path: Path) -> None:
    from benchmarks import names

    (tmp_path / "names.txt").write_text("\n".join("abc"[i % 3] * (1 + i % 4) + "abc"[i // 12 % 3] for i in range(200)))
    names.main(["--text", str(tmp_path / "names.txt"), "--seconds", "0.3", "--json", str(tmp_path / "found.json")])
    rows = {row["model"]: row for row in json.loads((tmp_path / "found.json").read_text())["rows"]}
    assert rows["bigram"]["test"] < 0.8 * math.log(4)  # three letters and an end, of which a letter tells much
    assert rows["gpt"]["steps"] > 0
