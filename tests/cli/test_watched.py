"""What check-ups during training leave: the best weights, and alarms with what proves them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.cli.calls import call, refused


def test_a_watched_run_keeps_its_best_weights_and_an_unwatched_one_says_that_it_did_not(tmp_path: Path) -> None:
    assert call("train", "gan", "points/ring", "--steps", 40, "--out", "watched").code == 0
    assert call("train", "gan", "points/ring", "--steps", 40, "--out", "alone", "--unwatched").code == 0
    assert (tmp_path / "watched/best.safetensors").exists()
    assert not (tmp_path / "alone/checkups.jsonl").exists()
    said = call("sample", "watched", "-n", 8, "--best", "--out", "x.npz", "--json")
    assert json.loads(said.out)["weights"] == "best"
    assert "leave out --best" in refused("sample", "alone", "--best")
    scored = call("score", "watched", "-n", 100, "--best", "--json")
    record = json.loads(scored.out)
    assert record["weights"] == "best"
    assert all(score["protocol"]["weights"] == "best" for score in record["scores"].values())
    assert record["speed"]["per_second"] > 0


def test_show_tells_of_alarms_with_what_proves_them(run: Callable[[str], Path]) -> None:
    from genlab.runs.folder import Folder

    folder = run("ring")
    row = {"progress": 0.5, "seconds": 1.0, "examples": 9, "n": 64}
    for value in (0.1, 0.4):
        Folder(folder).log_checkup({**row, "scores": {"coverage": {"value": value, "protocol": {}, "better": "higher"}}})
    alarm = {"kind": "collapse", "progress": 0.5, "seconds": 1.0, "sentence": "It lost & fell.", "remedy": "Stop.", "curve": ""}
    Folder(folder).log_alarm(alarm)
    said = call("show", folder)
    assert said.code == 0, said.err
    assert "at 50%: It lost & fell. Stop." in said.out
    page = (folder / "show.html").read_text()
    assert "It lost &amp; fell." in page
    assert "Quality against seconds" in page
