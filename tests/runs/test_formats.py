"""What an older genlab wrote stays readable, and draws the same samples; the noise behind them is pinned to the bit."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
import torch
from tests.runs.small import SMALL, Small

from genlab import api
from genlab.core.noise import BatchNoise, Noise, hashed
from genlab.runs.files import read_json, read_tensors
from genlab.runs.folder import FORMAT

OLD = Path(__file__).parent / "format-1"


@pytest.mark.parametrize("small", SMALL, ids=str)
def test_a_run_of_format_1_draws_what_it_drew(small: Small) -> None:
    run = api.load(OLD / small.model, "cpu")
    assert run.head["format"] == 1
    expected = read_tensors(OLD / small.model / "expected.safetensors")[0]["samples"]
    torch.testing.assert_close(run.sample(3, seed=7).double(), expected.double(), rtol=0, atol=1e-3)
    assert len(run.ticks()) > 10


def test_a_run_of_format_1_is_resumed_and_becomes_one_of_today(tmp_path: Path) -> None:
    """To the weights of the whole one, which lies beside it."""
    shutil.copytree(OLD / "stopped", tmp_path / "run")
    session = api.resume(tmp_path / "run", "cpu")
    assert session.folder.progress() == 0.5
    for _ in session:
        pass
    assert read_json(tmp_path / "run" / "recipe.json")["format"] == FORMAT
    one, two = (read_tensors(folder / "average.safetensors")[0] for folder in (tmp_path / "run", OLD / "vae"))
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-4, atol=1e-6)
    assert len(api.load(tmp_path / "run").ticks()) == 30


def test_the_bits_of_noise() -> None:
    """Of any row, however many are asked for, in whatever company."""
    noise = Noise(7, 3)
    drawn = [noise.normal((2, 2)), noise.uniform((3,)), noise.normal(())]
    assert digest(*drawn) == "ce2ffd33bb080833"
    assert digest(Noise(7, 1000).fork("label").uniform(())[:3]) == "460ea9595823bc64"
    assert digest(BatchNoise(hashed(0, 1, "fit"), 4).normal((5,))) == "8dadf914fc7fb331"
    alone = Noise(7, [2])
    assert torch.equal(alone.normal((2, 2))[0], drawn[0][2])
    assert torch.equal(alone.uniform((3,))[0], drawn[1][2])


def digest(*tensors: torch.Tensor) -> str:
    return hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in tensors)).hexdigest()[:16]
