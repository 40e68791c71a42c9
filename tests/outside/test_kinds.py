"""A model of the user's own learns sound, video and voxels by the ordinary verbs, with no line changed in genlab."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import genlab
from genlab.api import session
from genlab.core.data import some
from genlab.core.kinds import kind_of
from genlab.runs.files import read_json, read_tensors
from tests.cli.calls import call
from tests.outside.independent import Independent

MODEL = f"{Path(__file__).with_name('independent.py')}:Independent"
WHICH = ("--model", MODEL)
DATA = {"drawn/tones": "sound", "drawn/clips": "video", "drawn/balls": "voxels"}
kinds = pytest.mark.parametrize("data", DATA)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a run on some data, trained once for all tests."""
    home = tmp_path_factory.mktemp("runs")

    def get(data: str) -> Path:
        place = home / data.replace("/", "-")
        if not place.exists():
            said = call("train", MODEL, data, "--device", "cpu", "--out", place)
            assert said.code == 0, said.err
        return place

    return get


@kinds
def test_it_is_trained_watched_and_finds_the_frequencies(data: str, runs: Callable[[str], Path]) -> None:
    """Every entry's mean is that of the data, and a finished training was looked at."""
    place = runs(data)
    assert (place / "checkups.jsonl").read_text(encoding="utf-8")
    assert read_json(place / "recipe.json")["class"] == "independent.py:Independent"
    run = genlab.load(place, "cpu", model=Independent)
    assert kind_of(run.space).name == DATA[data]
    real = torch.cat([batch.x for batch in some(run.data(), "test", 2000)]).float()
    made = run.sample(2000).float()
    error = (real.var(0) / len(real) + made.var(0) / len(made)).sqrt()
    assert ((real.mean(0) - made.mean(0)).abs() < 6 * error + 0.05 * real.std()).all()


@kinds
def test_it_goes_on_to_what_an_unbroken_training_gives(data: str, runs: Callable[[str], Path], tmp_path: Path) -> None:
    """Stopped half way and gone on with by the command: the unbroken run's weights, to the last bit. Then it is extended."""
    made = session(Independent, genlab.open(data), tmp_path / "run", device="cpu")
    for tick in made:
        if tick.progress >= 0.5:
            break
    place = made.stop().path
    said = call("resume", place, *WHICH)
    assert said.code == 0, said.err
    assert f"genlab sample {place} --model {MODEL}" in said.out
    whole, gone_on = (read_tensors(path / "weights.safetensors")[0]["table"] for path in (runs(data), place))
    assert torch.equal(whole, gone_on)
    assert call("resume", place, "--steps", 5, *WHICH).code == 0
    assert genlab.load(place, "cpu", model=Independent).reached()["examples"] == 305 * 64
    assert not torch.equal(whole, read_tensors(place / "weights.safetensors")[0]["table"])


@kinds
def test_it_is_sampled_into_every_form_of_its_kind(data: str, runs: Callable[[str], Path], tmp_path: Path) -> None:
    run = genlab.load(runs(data), model=Independent)
    for number, suffix in enumerate(kind_of(run.space).suffixes):
        out = tmp_path / f"{number}{suffix}"
        said = call("sample", runs(data), "-n", 3, "--out", out, *WHICH)
        assert said.code == 0, said.err
        assert out.is_file() or len(list(out.iterdir())) == 3
    with np.load(next(tmp_path.glob("*.npz"))) as found:
        assert torch.equal(torch.from_numpy(found["x"]), run.sample(3))


@kinds
def test_it_is_scored_and_shown(data: str, runs: Callable[[str], Path], tmp_path: Path) -> None:
    place = shutil.copytree(runs(data), tmp_path / "run")
    said = call("score", place, "-n", 40, "--examples", 200, *WHICH)
    assert said.code == 0, said.err
    found = read_json(place / "scores.json")
    assert found["likelihood"]["claim"] == "exact"
    assert math.isfinite(found["likelihood"]["value"])
    assert sum(score["value"] is not None for score in found["scores"].values()) >= 4
    shown = call("show", place, *WHICH)
    assert shown.code == 0, shown.err
    assert (
        "model       Independent: Each entry from a distribution of its own: a Gaussian, or one of its levels.\n" in shown.out
    )
    assert (place / "show.html").stat().st_size > 10_000


@kinds
def test_it_is_compared_and_reported(data: str) -> None:
    words = ("--budget", "examples=640", "--samples", 40, "--out", "report", "--device", "cpu")
    said = call("compare", data, "--models", MODEL, *words)
    assert said.code == 0, said.err
    (row,) = read_json(Path("report/report.json"))["rows"]
    assert (row["name"], row["error"], bool(row["scores"])) == ("Independent", "", True)
    assert f"draw from Independent: genlab sample report/runs/Independent --model {MODEL}" in said.out
    page = Path("report/report.html").read_text(encoding="utf-8")
    assert kind_of(genlab.open(data).space).examples in page
    assert call("compare", data, "--models", MODEL, *words).code == 0  # it goes on, and finds nothing left to do
