"""Killed at any moment and resumed, a run leaves byte for byte what it would have left."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.runs.kills import left
from tests.runs.small import SMALL, Small

from genlab import api
from genlab.core.recipe import Budget

ROOT = Path(__file__).parents[2]


def trials(kills: int, seed: int, file: Path) -> list[dict[str, Any]]:
    """From a process of their own: a child must not inherit threads."""
    command = [sys.executable, "-m", "tests.runs.kills", "--kills", str(kills), "--seed", str(seed), "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert file.exists(), done.stderr
    return json.loads(file.read_text())


def wrong(rows: list[dict[str, Any]], kills: int) -> list[Any]:
    """What speaks against the trials: those that left something else, and kinds of kills that were missed."""
    print(Counter(row["event"] for row in rows))
    assert len(rows) == kills
    assert {row["model"] for row in rows} == {small.model for small in SMALL}
    assert sum(row["killed"] for row in rows) >= 0.95 * kills
    assert sum(row["landed"] for row in rows) >= 0.8 * kills
    assert len({row["event"] for row in rows}) >= 10
    return [row for row in rows if row["differs"] or row["litter"] or not row["resumed"]]


def test_a_hundred_kills(tmp_path: Path) -> None:
    assert wrong(trials(100, 0, tmp_path / "rows.json"), 100) == []


@pytest.mark.slow
def test_a_thousand_kills(tmp_path: Path) -> None:
    assert wrong(trials(1000, 1, tmp_path / "rows.json"), 1000) == []


@pytest.mark.parametrize("small", [small for small in SMALL if small.model in ("vae", "vqvae", "gan")], ids=str)
def test_a_run_of_seconds_is_its_schedule(small: Small, tmp_path: Path) -> None:
    """Stopped and resumed by the clock, it is repeated byte for byte from the schedule it wrote; also when that is stopped."""
    budget, data = Budget(seconds=0.4), small.data()
    made = small.session(tmp_path / "timed", 0, data, budget=budget, save_every=3)
    for tick in made:
        if tick.closes and tick.progress > 0.4:
            break
    del tick
    resumed = api.resume(tmp_path / "timed", "cpu", data=data)
    for _ in resumed:
        pass
    schedule = resumed.folder.schedule()
    assert schedule is not None
    assert schedule[-1][2] == 1000
    again = small.session(tmp_path / "again", 0, data, budget=budget, schedule=schedule, save_every=3)
    for tick in again:
        if tick.closes and tick.progress > 0.6:
            break
    for _ in api.resume(tmp_path / "again", "cpu", data=data):
        pass
    assert left(tmp_path / "timed") == left(tmp_path / "again")
