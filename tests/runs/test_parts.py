"""Muon, averages, files and folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from genlab.runs.average import Average
from genlab.runs.files import Damaged, read_tensors, write_atomic, write_json, write_tensors
from genlab.runs.folder import FORMAT, Folder
from genlab.runs.muon import Muon, orthogonalised

HEAD = {"recipe": {}, "space": {}, "given": {}}


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 4, 16), (2, 16, 4)])
def test_newton_schulz_keeps_directions_and_levels_singular_values(shape: tuple[int, ...]) -> None:
    stack = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    u, s, vt = torch.linalg.svd(orthogonalised(stack), full_matrices=False)
    assert s.min() > 0.3
    assert s.max() < 1.3
    left, _, right = torch.linalg.svd(stack, full_matrices=False)
    exact = left @ right
    cosine = (orthogonalised(stack) * exact).sum((1, 2)) / (orthogonalised(stack).norm(dim=(1, 2)) * exact.norm(dim=(1, 2)))
    assert (cosine > 0.95).all()
    assert u.shape[0] == vt.shape[0]


def test_muon_descends() -> None:
    weight, target = nn.Parameter(torch.zeros(6, 4)), torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    optimiser = Muon([weight], rate=0.05)
    for _ in range(200):
        optimiser.zero_grad()
        (weight - target).square().sum().backward()
        optimiser.step()
    assert (weight - target).abs().max() < 0.15


def test_an_average_is_the_weighted_mean_its_half_life_says() -> None:
    model = nn.Linear(1, 1, bias=False)
    average = Average(model)
    average.begin({"weight": 10.0})
    average.load({"weight": torch.zeros(1, 1)}, {"weight": 1_000_000})  # past the start, where the half-life is shorter
    for value in (1.0, 2.0, 3.0):
        model.weight.data.fill_(value)
        average.update(10)
    assert average.values["weight"].item() == pytest.approx(0 * 0.125 + 1 * 0.125 + 2 * 0.25 + 3 * 0.5)
    average.swap()
    assert model.weight.item() == pytest.approx(2.125)
    average.swap()
    assert model.weight.item() == 3


def test_no_half_life_keeps_no_average() -> None:
    average = Average(nn.Linear(1, 1))
    average.begin({"weight": 0.0, "bias": 5.0})
    average.update(5)
    assert average.values.keys() == {"bias"}


def test_an_average_goes_on_while_its_parameter_is_trained_and_is_dropped_where_nobody_averages_it() -> None:
    model = nn.Linear(1, 1)
    average = Average(model)
    average.begin({"weight": 10.0})
    average.update(8)
    average.begin({"bias": 10.0})  # the weight stands aside
    average.update(8)
    assert average.seen == {"weight": 8, "bias": 8}
    average.begin({"weight": 10.0, "bias": 10.0})
    average.update(8)
    assert average.seen == {"weight": 16, "bias": 16}
    average.begin({"weight": 0.0})
    assert average.seen == {"bias": 16}


def test_a_failed_write_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": 1})

    def full(beside: Path) -> None:
        beside.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_atomic(tmp_path / "a.json", full)
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_tensors_and_metadata_come_back(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(6).reshape(2, 3), "b": torch.tensor(1.5)}
    write_tensors(tmp_path / "x.safetensors", tensors, {"recipe": {"name": "ä"}, "n": 3, "bad": float("nan")})
    found, metadata = read_tensors(tmp_path / "x.safetensors")
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert metadata == {"recipe": {"name": "ä"}, "n": 3, "bad": None}


def test_equal_tensors_make_equal_files(tmp_path: Path) -> None:
    """Also from another process, whose hash maps have another order."""
    import subprocess
    import sys

    code = "import sys, torch, pathlib; from genlab.runs.files import write_tensors; write_tensors(pathlib.Path(sys.argv[1]), "
    code += "{name: torch.ones(2) for name in 'abcdefgh'}, {key: key for key in 'stuvwxyz'})"
    files = [tmp_path / name for name in ("one", "two")]
    for file in files:
        subprocess.run([sys.executable, "-c", code, str(file)], check=True)
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"\xff" * 40, lambda data: b""])
def test_a_damaged_file_is_named(tmp_path: Path, damage: Any) -> None:
    path = tmp_path / "x.safetensors"
    write_tensors(path, {"a": torch.arange(60)}, {})
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"x\.safetensors"):
        read_tensors(path)


RECORD = {
    "stage": 0,
    "steps": 0,
    "cursor": 0,
    "examples": 0,
    "scale": 1.0,
    "seen": {},
    "overall": 0.0,
    "optimisers": {},
    "aliases": {},
}
RECORD |= {"progress": None, "steered": False}


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "run")
    folder.create(HEAD)
    for number in range(3):
        folder.write_state({"a": torch.full((100,), number)}, {**RECORD, "step": number})
    kept = sorted(path.name for path in (folder.path / "state").glob("*.safetensors"))
    assert kept == ["1.safetensors", "2.safetensors"]
    newest = folder.path / "state" / "2.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1] + b"\x07")
    with pytest.warns(Damaged, match="2.safetensors is damaged: the checkpoint before it is used"):
        found = folder.state()
    assert found is not None
    assert found[1]["step"] == 1


def test_folders_are_never_overwritten_by_accident(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "run")
    folder.create(HEAD)
    with pytest.raises(ValueError, match="--force"):
        folder.create(HEAD)
    folder.create(HEAD, force=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    with pytest.raises(ValueError, match="no run"):
        Folder(tmp_path / "mine").create(HEAD, force=True)
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_folders_that_are_no_runs_or_newer_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folder"):
        Folder(tmp_path / "nowhere").head()
    with pytest.raises(ValueError, match=r"no recipe\.json"):
        Folder(tmp_path).head()
    write_json(tmp_path / "recipe.json", {"format": FORMAT + 1})
    with pytest.raises(ValueError, match=r"another version of genlab \(format \d+, this one reads \d+\); upgrade"):
        Folder(tmp_path).head()
    (tmp_path / "recipe.json").write_text("{")
    with pytest.raises(ValueError, match="damaged"):
        Folder(tmp_path).head()
