"""Every kind of data has an entry in every table, works with the ordinary verbs, and nothing else asks for axes."""

from __future__ import annotations

import ast
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

import genlab
from genlab.cli.listing import TYPICAL
from genlab.comparison import words
from genlab.core.data import Data, some
from genlab.core.kinds import KINDS, DataKind, kind_of
from genlab.core.noise import Noise
from genlab.core.recipe import Budget
from genlab.core.space import Space
from genlab.features import features_for
from genlab.features.choice import USUAL
from genlab.measure.alarms import COPIED
from genlab.measure.checkup import CHECKUPS, checkup_reference, checkup_scores
from genlab.measure.evaluation import concat_batches
from genlab.measure.table import MEASURES, scores_for
from genlab.recipes.index import DEFAULTS, MODELS
from genlab.recipes.make import build, recipe_for
from genlab.report import pictures, saving, tiles
from genlab.runs.engine import Engine
from tests.core.test_kinds import SPACES

SOURCE = Path(genlab.__file__).parent
TABLES: dict[str, Mapping[str, Any]] = {
    "measures": MEASURES, "check-ups": CHECKUPS, "features": USUAL, "drawings": pictures.DRAWINGS, "words": words.SHAPES,
    "savers": saving.SAVERS, "models compared": DEFAULTS, "spaces of help pages": TYPICAL,
}  # fmt: skip
DRAWN = {"sound": "drawn/tones", "video": "drawn/clips", "voxels": "drawn/balls"}
MAKERS = ("core/kinds.py", "core/space.py", "data/arrays.py")  # where axes are declared, and read from files


@pytest.mark.parametrize("table", TABLES)
def test_every_kind_is_in_every_table(table: str) -> None:
    assert set(TABLES[table]) == {kind.name for kind in KINDS}


def test_a_gif_of_video_shows_the_clips_and_of_all_else_the_way(tmp_path: Path) -> None:
    ways = {kind.name: saving.shows_way(tmp_path / "a.gif", TYPICAL[kind.name]) for kind in KINDS}
    assert ways == {kind.name: kind.name != "video" for kind in KINDS}
    assert not saving.shows_way(tmp_path / "a.png", TYPICAL["points"])
    assert not saving.shows_way(None, TYPICAL["points"])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_savers_are_those_that_the_kind_names(kind: DataKind) -> None:
    assert set(saving.SAVERS[kind.name]) == set(kind.suffixes)


def test_models_are_of_kinds_that_there_are() -> None:
    assert {name for row in MODELS for name in row.kinds} <= {kind.name for kind in KINDS}
    assert {name for kind in KINDS for name in DEFAULTS[kind.name]} <= {row.name for row in MODELS}
    assert all(kind.name in row.kinds for kind in KINDS for row in MODELS if row.name in DEFAULTS[kind.name])


# --- nothing else branches on axes -----------------------------------------------------------------------------------


def asked(text: str) -> list[int]:
    """Lines that read `.axes` for anything but a message."""
    tree = ast.parse(text)
    said = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    read = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "axes"]
    return [node.lineno for node in read if id(node) not in said]


@pytest.mark.parametrize(
    "text",
    [
        'a = x.axes == "D"',
        'a = space.axes in ("T",)',
        "a = T[space.axes]",
        "a = T.get(s.axes)",
        "match s.axes:\n case 'D': pass",
        "a = [s for s in t if not s.axes]",
    ],
)
def test_the_search_finds_branches(text: str) -> None:
    assert asked(text)
    assert not asked('f"data with axes {space.axes}"')


def test_nothing_else_branches_on_axes() -> None:
    paths = [path for path in SOURCE.rglob("*.py") if path.relative_to(SOURCE).as_posix() not in MAKERS]
    found = {path.relative_to(SOURCE).as_posix(): lines for path in paths if (lines := asked(path.read_text("utf-8")))}
    templates = [path.name for path in SOURCE.rglob("*.j2") if "axes" in path.read_text("utf-8")]
    assert found == {}
    assert templates == []


# --- each works ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=DRAWN)
def data(request: pytest.FixtureRequest) -> Any:
    return genlab.open(DRAWN[request.param])


def test_the_drawn_source_is_of_its_kind_and_repeats_itself(data: Any) -> None:
    assert kind_of(data.space).name == data.kind
    assert DRAWN[data.kind] == data.name
    first, again = data.stream("train", 5, 3), data.stream("train", 0, 8)
    assert torch.equal(first.x, again.x[5:])
    assert torch.equal(data.rows("test", torch.tensor([7, 2])).x, data.once("test", 0, 8).x[[7, 2]])
    assert data.once("test", 0, 4).x.shape == (4, *data.space.shape)


def test_its_units_are_those_of_its_space(data: Any) -> None:
    x = torch.cat([part.x for part in some(data, "train", 2000)]).double()
    if data.space.kind == "real":
        assert x.mean().abs() < 0.01
        assert x.std() == pytest.approx(data.space.scale[0], rel=0.02)
    else:
        assert float(x.min()) == 0
        assert float(x.max()) == data.space.levels - 1


def test_clips_have_the_entropy_they_claim() -> None:
    clips: Any = genlab.open("drawn/clips")
    x = clips.once("test", 0, 10_000).x
    assert len(x.flatten(1).unique(dim=0)) == 256
    torch.testing.assert_close(clips.log_prob(x[:50]), torch.full((50,), -clips.entropy, dtype=torch.float64))
    assert clips.log_prob(1 - x[:3]).tolist() == [-float("inf")] * 3


@pytest.mark.parametrize("model", ["vae", "gan", "ddpm", "flow-matching"])
def test_models_of_numbers_learn_a_step_of_it_and_draw(data: Any, model: str) -> None:
    recipe = recipe_for(model, data.space, data.given)
    made = build(recipe, data.space, data.given)
    engine = Engine("cpu")
    for _ in genlab.fit(made, data, replace(recipe, budget=Budget(steps=2), batch=8), engine):
        pass
    *_, last = made.sample(2, noise=Noise(0, 2))
    assert last.shape == (2, *data.space.shape)
    assert last.dtype == data.once("test", 0, 1).x.dtype


def test_measures_and_check_ups_tell_real_examples_from_noise(data: Data) -> None:
    engine = Engine("cpu")
    features = features_for(data, engine)
    real = concat_batches(some(data, "validation", 150))[0]
    noise = real.flatten(1)[torch.rand(150, data.space.size).argsort(0), torch.arange(data.space.size)].view_as(real)
    good, bad = (scores_for(data, x, features=features) for x in (real, noise))
    assert set(good) == set(bad)
    distances = [name for name, score in good.items() if "distance" in name and score.value is not None]
    assert len(distances) >= 2
    for name in distances:
        assert good[name].value < (bad[name].value or 0), name  # pyright: ignore[reportOptionalOperand]
    assert {name for name in good if name.startswith("copied")} <= set(COPIED)
    assert sum(name in COPIED for name in good) == 1
    scores = checkup_scores(checkup_reference(data, features), real)
    assert next(iter(scores.values())).question == "quality"


def test_it_is_drawn_and_saved_in_every_way_its_kind_names(data: Any, tmp_path: Path) -> None:
    x, space = data.once("test", 0, 3).x, data.space
    for suffix in kind_of(space).suffixes:
        out = tmp_path / (f"samples{suffix}" if suffix else "folder")
        saving.check_output(out, space)
        saving.write(out, saving.Samples([x], space))
        assert len(list(out.iterdir())) == 3 if out.is_dir() else out.stat().st_size > 0
    with np.load(tmp_path / "samples.npz") as found:
        assert np.array_equal(found["x"], x.numpy())
        assert found["axes"] == f"N{space.axes}"
    image = pictures.picture(x, space, columns=3)
    assert image.width > image.height
    assert len(image.getcolors(1 << 20)) > 1
    with pytest.raises(ValueError, match=f"holds points; these samples go to .*{kind_of(space).suffixes[0]}"):
        saving.check_output(tmp_path / "a.csv", space)


def test_a_recording_is_written_as_it_sounds() -> None:
    space = SPACES["sound"]
    sound = Space((2, 400), "CT", "real", rate=8000.0)
    x = torch.sin(torch.linspace(0, 30, 400)).expand(1, 2, 400) * 0.5
    read, rate = soundfile.read(io.BytesIO(saving.wav(tiles.amplitudes(x, sound), sound)))
    assert rate == 8000
    np.testing.assert_allclose(read.T, x[0].numpy(), atol=2**-15)
    assert tiles.amplitudes(torch.full((1, 1, 4), 3.0), space).max() == 1


def test_mu_law_levels_are_expanded() -> None:
    space = Space((1, 3), "CT", "ordinal", 256, curve="mu-law")
    found = tiles.amplitudes(np.array([[[0, 192, 255]]]), space)[0, 0]
    y = 2 * 192 / 255 - 1
    np.testing.assert_allclose(found, [-1, (256**y - 1) / 255, 1], rtol=1e-12)


def test_a_loud_tone_is_bright_at_its_pitch() -> None:
    """Of 100 Hz at 800 Hz, a quarter of the way up to the half of 800."""
    space = Space((1, 256), "CT", "real")
    tone = np.sin(2 * np.pi * 100 / 800 * np.arange(256))[None, None]
    spectrogram = tiles.sounds(tone, space)[0, tiles.WAVE :, :, 0].astype(float).mean(1)
    assert spectrogram.argmax() / tiles.BANDS == pytest.approx(0.75, abs=0.03)


def test_a_clip_plays_its_frames(tmp_path: Path) -> None:
    data: Any = genlab.open("drawn/clips")
    with Image.open(io.BytesIO(saving.clips(data.once("test", 0, 2).x, data.space))) as image:
        assert getattr(image, "n_frames") == 4  # noqa: B009
        assert image.info["duration"] == 250


def test_a_projection_shows_the_brightest_voxel() -> None:
    x = np.zeros((1, 1, 4, 4, 4), np.uint8)
    x[0, 0, 1, 2, 3] = 1
    drawn = tiles.projections(x, Space((1, 4, 4, 4), "CDHW", "binary"))[0, :, :, 0]
    factor = tiles.SMALLEST // 4
    along_depth, along_height, along_width = (drawn[::factor, part : part + 32 : factor][:4, :4] for part in (0, 33, 66))
    assert np.argwhere(along_depth == 255).tolist() == [[2, 3]]
    assert np.argwhere(along_height == 255).tolist() == [[1, 3]]
    assert np.argwhere(along_width == 255).tolist() == [[1, 2]]


def test_a_whole_run_of_it_is_shown(data: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from genlab.cli.main import main

    place = str(tmp_path / "run")
    assert main(["train", "vae", data.name, "--steps", "3", "--out", place, "--set", "batch=8"]) == 0
    assert main(["sample", place, "-n", "2"]) == 0
    assert main(["show", place, "--json"]) == 0
    record = json.loads(capsys.readouterr().out.splitlines()[-1])
    page = Path(record["page"]).read_text("utf-8")
    assert f"{kind_of(data.space).examples} of vae" in page
    assert list((tmp_path / "run/samples").glob(f"*{kind_of(data.space).suffixes[0]}"))
