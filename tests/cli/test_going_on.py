"""Comparisons that were stopped, and runs of theirs that were changed meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genlab.api import Budget, open, session
from genlab.cli.progress import LineTask
from genlab.comparison.eta import ETA
from genlab.comparison.training import Job, in_turn
from genlab.runs.lock import locked
from genlab.watch import Watch
from tests.cli.calls import call, refused

QUICK = ("--seconds", 0.3, "--samples", 100)


def test_runs_are_not_replaced_by_their_own_comparison(tmp_path: Path) -> None:
    assert call("compare", "points/ring", "--models", "gan,vae", *QUICK, "--out", "here").code == 0
    said = refused("compare", "here/runs/gan", "here/runs/vae", "--samples", 100, "--out", "here", "--force")
    assert "here/runs/gan lies in here" in said
    assert (tmp_path / "here/runs/vae/weights.safetensors").exists()


def test_a_run_that_got_more_is_not_compared_as_if_it_had_not(tmp_path: Path) -> None:
    words = ("compare", "points/ring", "--models", "gan", *QUICK, "--out", "here")
    assert call(*words).code == 0
    assert call("resume", "here/runs/gan", "--seconds", 0.3).code == 0
    record = json.loads((tmp_path / "here/report.json").read_text())
    record["rows"] = []  # as where it was stopped before it was measured
    (tmp_path / "here/report.json").write_text(json.dumps(record))
    said = call(*words)
    assert said.code == 1
    assert "is gan, seed 0, 0.6 seconds and not gan, seed 0, 0.3 seconds" in said.out


def test_two_comparisons_do_not_write_one_report(tmp_path: Path) -> None:
    words = ("compare", "points/ring", "--models", "gan", *QUICK, "--out", "here")
    assert call(*words).code == 0
    before = (tmp_path / "here/report.json").read_bytes()
    with locked(tmp_path / "here"):
        for more in ((), ("--seeds", 2), ("--force",)):
            assert "here is being written by another process" in refused(*words, *more)
    assert (tmp_path / "here/report.json").read_bytes() == before
    assert call(*words, "--seeds", 2).code == 0


def test_the_time_left_counts_what_is_done_now(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    said: list[str] = []
    task = LineTask("training", lambda: None, None, said.append, chapter=False)
    task(0.8)
    now[0] += 10
    task(0.9)
    assert said == ["training: 90%, 10 s left"]
    eta = ETA()
    eta.begin([2], 100.0)
    eta.train(0.8)
    now[0] += 10
    eta.reached(0.9)
    assert eta._each() == pytest.approx(50)


@pytest.mark.parametrize("failing", [False, True])
def test_a_stop_in_the_first_round_keeps_what_has_begun(tmp_path: Path, failing: bool) -> None:
    data, jobs = open("points/ring"), []
    for name in ("vae", "gan", "ddpm"):
        made = session(name, data, tmp_path / name, budget=Budget(steps=200), device="cpu")
        jobs.append(Job(name, made, Watch(made, None)))
    for _ in in_turn(jobs, lambda: False):
        if failing:
            (tmp_path / "vae").rename(tmp_path / "gone")
        break
    assert [job.begun for job in jobs] == [True, False, False]
    assert all(job.halted for job in jobs)
    assert bool(jobs[0].error) == failing
    assert (tmp_path / ("gone" if failing else "vae") / "weights.safetensors").exists() != failing
