"""Rows are what their JSON says, and JSON that says something else is refused in one sentence."""

from __future__ import annotations

import copy
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from genlab.comparison.rows import Record, Results, Row
from genlab.comparison.summary import machine, write_record
from genlab.measure.ruler import Mark, Ruler
from tests.report.fakes import bits, distance, everything, record, row, score


def full() -> Record:
    """No field of it, nor of all its rows together, has its default."""
    said = everything()
    failed = Row("vqvae", "autoencoder", "compare/vqvae", error="out of memory", stopped=True)
    data, budget = replace(said.data, options={"size": 8}), replace(said.budget, samples=100, features="pixels")
    ruler = Ruler(
        "EfficientNet-lite0 features", (), ("half of the kinds missing",), (Mark("a blur of 2 pixels", 0.3, 0.2, 0.4),)
    )
    blind = replace(ruler, features="classifier features", faults=("uniform noise no farther than a blur of 1 pixel",))
    more = {"pending": ("compare/gpt",), "ruler": ruler, "refused": (blind,)}
    return replace(said, rows=(*said.rows, failed), data=data, budget=budget, **more)


def test_a_record_comes_back_from_its_json(tmp_path: Path) -> None:
    said = full()
    for parts in ([said], [said.data], [said.budget], said.rows):
        assert not [f.name for f in fields(parts[0]) if all(getattr(part, f.name) in (f.default, {}, ()) for part in parts)]
    assert Record.read(write_record(tmp_path, said)) == said
    saved = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [verdict["question"] for verdict in saved["verdicts"]] == ["quality", "likelihood", "coverage", "speed", "cost"]
    assert "Means over 2 seeds." in saved["remarks"]
    assert saved["rows"][0]["likelihood"]["value"] == pytest.approx(2.05)


def test_what_is_not_finite_is_null_and_not_finite_again(tmp_path: Path) -> None:
    said = record([row("vae", bits(float("nan")), distance(None))])
    file = write_record(tmp_path, said)
    assert json.loads(file.read_text(encoding="utf-8"))["rows"][0]["likelihood"]["value"] is None
    (again,) = Record.read(file).rows
    assert again.likelihood is not None
    assert again.likelihood.value != again.likelihood.value


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    plain = copy.deepcopy(everything(1).to_json())
    place: Any = plain
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return plain


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("rows",), {}),
        (("rows", 0, "name"), 3),
        (("rows", 0, "name"), None),
        (("rows", 0, "seed"), True),
        (("rows", 0, "seed"), 2**70),
        (("rows", 0, "parameters"), 1.5),
        (("rows", 0, "likelihood", "claim"), "certain"),
        (("rows", 0, "likelihood", "given"), "label"),
        (("rows", 0, "scores"), []),
        (("rows", 0, "scores", "recall", "value"), "high"),
        (("rows", 0, "scores", "recall", "protocol"), "by hand"),
        (("rows", 0, "checkups", 0, "seconds"), "now"),
        (("rows", 2, "speed", "per_second"), [1]),
        (("data", "space", "levels"), -3),
        (("data", "fingerprint"), 7),
        (("budget", "unit"), "hours"),
        (("baselines", 0, "scores", "recall"), 0.7),
    ],
)
def test_a_record_of_another_shape_is_refused(path: tuple[Any, ...], value: Any, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(json.dumps(changed(path, value)), encoding="utf-8")
    with pytest.raises(ValueError, match=r"report\.json: .* restore it from a copy"):
        Record.read(file)


def test_a_row_says_what_it_is_in_a_line() -> None:
    assert repr(row("vae", bits(2.41), distance(9.31), seed=1)) == (
        "Row(vae, seed 1: -log p ≤ 2.41 bits/dim, Fréchet distance 9.31; compare/vae)"
    )
    assert repr(Row("gan", "", "runs/gan", error="out of memory")) == "Row(gan: out of memory; runs/gan)"


def test_results_come_back_from_scores_json(tmp_path: Path) -> None:
    assert Results.read(tmp_path) is None
    measured = everything().rows[0]
    found = Results("runs/vae", "test", 3, "averaged", 64, bits(2.0), measured.scores, 0.5, measured.speed)
    (tmp_path / "scores.json").write_text(json.dumps(found.to_json()), encoding="utf-8")
    assert Results.read(tmp_path) == found


def test_the_lines_of_results_say_every_protocol_whole_and_once() -> None:
    common = {"split": "test", "real": 180, "version": "1"}
    features = common | {"features": "the classifier's", "dims": 32}
    others = {"copies": common | {"dims": 32, "in": "pixels"}, "MS-SSIM": common}
    protocols = {"Fréchet distance": features, "recall": features | {"k": 5}, **others}
    scores = {name: replace(score(0.25, protocol=how), name=name) for name, how in protocols.items()}
    lines = Results("runs/a", "test", 0, "averaged", scores=scores).lines()
    _, *each, shared, of_features = lines
    for line, how in zip(each, protocols.values(), strict=True):
        said = f"{line}, {shared}" + (f", {of_features}" if "features" in how else "")
        for key, value in how.items():
            assert said.count(f"{value:,} {key}" if key == "real" else f"{key} {value}") == 1, (line, key)
    assert shared == "every score: split test, 180 real, version 1"
    alone = Results("runs/a", "test", 0, "averaged", scores={"recall": scores["recall"]}).lines()
    assert "split test" in alone[1]
    assert len(alone) == 2


def test_a_row_is_one_short_line() -> None:
    names = ("Fréchet distance (classifier features)", "Fréchet distance (classifier features), unbiased", "recall")
    shown = repr(row("vae", bits(2.05), {name: score(0.25) for name in names}))
    assert shown == "Row(vae: -log p ≤ 2.05 bits/dim, Fréchet distance 0.25, recall 0.25; compare/vae)"


def test_a_gpu_is_named_as_it_was_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert machine("auto").endswith(", no GPU")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert machine("auto").endswith(", Apple's GPU")
    assert machine("cpu").endswith(", Apple's GPU not used")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"H200 ({device})")
    assert machine("cuda:1").endswith(", H200 (cuda:1)")
