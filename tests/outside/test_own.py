"""Models of the user's own that need a text or a source picture go through every verb, with no line changed in genlab."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
import genlab.own
from genlab.core.recipe import Budget, Recipe
from genlab.recipes import index
from genlab.runs.files import read_json, write_json
from genlab.trained import Run
from tests.cli.calls import call, refused
from tests.outside.models import Captioned, Restorer, Width

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

FILE = Path(__file__).with_name("models.py")
COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}
THINGS = ("heart", "star", "moon")
CAPTIONED, RESTORER = f"{FILE}:Captioned", f"{FILE}:Restorer"
BRIEFLY = ("--budget", "examples=320", "--samples", 60, "--features", "pixels")
PAIR = ("--pair", "coarse.parquet")


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 pictures of one colour each, with a caption that says it and a class: half red ones are hearts. And, row by row,
    the same pictures in four levels."""
    columns: dict[str, list[Any]] = {"image": [], "label": [], "text": []}
    coarse = []
    generator = np.random.default_rng(0)
    for number in range(150):
        colour, thing = list(COLOURS)[number % 3], number // 3 % 3
        levels = np.clip(np.array(COLOURS[colour]) + generator.integers(-25, 25, (8, 8, 3)), 0, 255).astype(np.uint8)
        columns["image"].append(png(levels))
        columns["label"].append(THINGS[thing])
        columns["text"].append(f"a {colour} {THINGS[thing]}")
        coarse.append(png(levels // 64 * 64 + 32))
    folder = tmp_path_factory.mktemp("data")
    pq.write_table(pa.table(columns), folder / "things.parquet")
    pq.write_table(pa.table({"image": coarse}), folder / "coarse.parquet")
    return folder


def png(levels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(autouse=True)
def copied(alone: None, drawings: Path) -> None:
    for file in drawings.iterdir():
        shutil.copy(file, file.name)


def trained(model: str, data: str, out: str, *more: object) -> None:
    said = call("train", model, data, "--steps", 60, "--out", out, "--device", "cpu", *more)
    assert said.code == 0, said.err


def colour(x: torch.Tensor) -> list[str]:
    return [list(COLOURS)[int(channel)] for channel in x.float().mean((2, 3)).argmax(1)]


def test_a_model_that_needs_text_goes_through_every_verb() -> None:
    trained(CAPTIONED, "things.parquet", "run", "--set", "model.width=6", "optim.rate=0.03", "batch=32")
    assert read_json(Path("run/recipe.json"))["class"] == "models.py:Captioned"
    assert Path("run/checkups.jsonl").read_text(encoding="utf-8").count("\n") >= 1
    which = ("--model", CAPTIONED)
    said = call("sample", "run", "-n", 6, "--given", "text=a red heart", "--out", "red.npz", *which)
    assert said.code == 0, said.err
    with np.load("red.npz") as found:
        assert colour(torch.from_numpy(found["x"])) == ["red"] * 6
        assert found["label"].tolist() == [-1] * 6
        assert (found["text"] == found["text"][:1]).all()
    for verb, *words in (
        ("resume", "run", "--steps", 5),
        ("score", "run", "-n", 60, "--features", "pixels"),
        ("show", "run"),
        ("reconstruct", "run", "-n", 4),
        ("interpolate", "run", "-n", 2, "--steps", 3),
        ("interpolate", "run", "-n", 2, "--steps", 4, "--real", "--out", "way.npz"),
    ):
        said = call(verb, *words, *which)
        assert said.code == 0, (verb, said.err)
    assert json.loads(Path("run/scores.json").read_text(encoding="utf-8"))["scores"]
    assert call("list", CAPTIONED).out.startswith("Captioned: ")
    said = call("compare", "things.parquet", "--models", f"{CAPTIONED},vae", *BRIEFLY, "--out", "report")
    assert said.code == 0, said.err
    rows = read_json(Path("report/report.json"))["rows"]
    assert [(row["name"], bool(row["scores"]), row["error"]) for row in rows] == [("Captioned", True, ""), ("vae", True, "")]
    with np.load("way.npz") as way:
        text = way["text"].reshape(2, 4, -1)
    assert (text[:, 0] == text[:, 1]).all()  # of the nearer end
    assert (text[:, 2] == text[:, 3]).all()
    assert (text[:, 0] != text[:, 3]).any()


def test_a_model_that_needs_a_source_goes_through_every_verb() -> None:
    trained(RESTORER, "things.parquet", "run", *PAIR)
    which = ("--model", RESTORER)
    Path("mine").mkdir()
    for name, level in COLOURS.items():
        Image.new("RGB", (20, 30), level).save(f"mine/{name}.png")
    for given, wanted in (("mine/red.png", ["red"] * 5), ("mine", ["blue", "green", "red", "blue", "green"])):
        said = call("sample", "run", "-n", 5, "--given", f"source={given}", "--out", "x.npz", "--force", *which)
        assert said.code == 0, said.err
        with np.load("x.npz") as found:
            assert colour(torch.from_numpy(found["x"])) == wanted
            assert found["source"].shape == (5, 3, 8, 8)
    for verb, *words in (
        ("resume", "run", "--steps", 5),
        ("sample", "run"),
        ("score", "run", "-n", 60, "--features", "pixels"),
        ("show", "run"),
    ):
        said = call(verb, *words, *which)
        assert said.code == 0, (verb, said.err)
    words = ("--models", f"gan,{RESTORER}", *BRIEFLY, "--out", "report")
    said = call("compare", "things.parquet", *PAIR, *words)
    assert said.code == 0, said.err
    record = read_json(Path("report/report.json"))
    assert [(row["name"], bool(row["scores"]), row["error"]) for row in record["rows"]] == [
        ("gan", True, ""),
        ("Restorer", True, ""),
    ]
    assert RESTORER in record["command"]
    assert "--pair" in record["command"]
    assert "Restorer" in Path("report/report.html").read_text(encoding="utf-8")
    said = call("compare", "things.parquet", "--models", RESTORER, "--seconds", 1)
    assert "Restorer needs data that give source" in said.err


def test_runs_and_classes_of_the_users_own_are_compared() -> None:
    trained(CAPTIONED, "things.parquet", "mine", "--unwatched")
    trained("gan", "things.parquet", "theirs", "--unwatched", "--set", "batch=8")
    index.OWN.clear()
    assert "no code is run because a folder says so" in refused("compare", "mine", "theirs")
    assert "runs that exist are measured, none is trained" in refused("compare", "theirs", "--models", "vae")
    said = call("compare", "mine", "theirs", "--models", CAPTIONED, "--samples", 60, "--features", "pixels", "--out", "report")
    assert said.code == 0, said.err
    record = read_json(Path("report/report.json"))
    assert {row["name"]: bool(row["scores"]) for row in record["rows"]} == {"Captioned": True, "gan": True}
    assert f"--models {CAPTIONED}" in record["command"]
    page = Path("report/report.html").read_text(encoding="utf-8")
    assert re.search(rf"genlab sample mine --model {re.escape(CAPTIONED)} -n \d+", page)
    assert "Pictures around what their caption says" in page


def test_a_class_is_compared_and_scored_in_python() -> None:
    found = genlab.compare("things.parquet", models=[Captioned], examples=320, samples=60, features="pixels", out="report")
    assert [(row.name, row.error) for row in found.rows] == [("Captioned", "")]
    assert found.best().name == "Captioned"
    index.OWN.clear()
    with pytest.raises(ValueError, match=r"genlab.load\(path, model=Captioned"):
        genlab.score("report/runs/Captioned")
    scores = genlab.score("report/runs/Captioned", model=Captioned, n=60, features="pixels").scores
    assert scores.keys() == found.rows[0].scores.keys()


def test_a_source_made_by_degrading_is_learnt_and_given() -> None:
    trained(RESTORER, "things.parquet", "run", "--degrade", "2x", "--unwatched")
    which = ("--model", RESTORER)
    assert call("resume", "run", "--steps", 5, *which).code == 0
    Image.new("RGB", (8, 8), COLOURS["blue"]).save("blue.png")
    said = call("sample", "run", "-n", 3, "--given", "source=blue.png", "--out", "x.npz", *which)
    assert said.code == 0, said.err
    with np.load("x.npz") as found:
        assert colour(torch.from_numpy(found["x"])) == ["blue"] * 3
    assert call("score", "run", "-n", 60, "--features", "pixels", *which).code == 0


def test_what_cannot_learn_from_the_data_is_left_out_before_anything_is_trained() -> None:
    said = refused("compare", "digits", "--hide", 0.5, "--models", "vae,gan")
    assert said == "gan cannot learn from examples with missing entries; vae can, or leave --hide out"
    assert not Path("reports").exists()
    found = genlab.compare("digits", hide="0.5", seconds=1, out="report", features="pixels")
    events = iter(found)
    remarks = [str(next(events)) for _ in range(3)]
    events.close()
    for name, sentence in zip(("pixelcnn", "gan", "ddpm"), remarks, strict=True):
        assert f"left out: {name} cannot learn from examples with missing entries" in sentence
    assert [key.name for key in found.keys] == ["vae"]


def test_a_class_is_trained_loaded_resumed_and_sampled_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    run = genlab.train(Captioned, "things.parquet", steps=40, out="run", device="cpu", settings={"optim.rate": 0.03})
    assert run.recipe.name == "Captioned"
    assert run.recipe.model == Width()
    x = run.sample(3, given={"text": ["a red heart", "a blue star", "a green moon"]})
    assert colour(x) == ["red", "blue", "green"]
    assert torch.equal(run.sample(2), run.sample(5)[:2])
    fitting = run.conditions(40)
    rows = run.data().rows("validation", fitting.rows)
    assert all(torch.equal(fitting.given[key], rows.given[key]) for key in ("text", "label"))
    monkeypatch.setattr("genlab.trained.OWN", {})  # another process
    with pytest.raises(ValueError, match=r"Captioned is none of genlab's .*models.py:Captioned.*genlab.load\(path, model="):
        genlab.load("run")
    monkeypatch.setattr("genlab.trained.OWN", index.OWN)
    again = genlab.load("run", "cpu", model=Captioned)
    assert torch.equal(again.sample(3), run.sample(3))
    for other in (Restorer, RESTORER):
        with pytest.raises(ValueError, match="a run of Captioned, not of Restorer"):
            genlab.load("run", model=other)
    made = genlab.resume("run", "cpu", more=Budget(steps=5), model=Captioned)
    for _ in made:
        pass
    assert made.run().reached()["examples"] == 45 * 64


def test_nothing_is_run_because_a_folder_says_so(tmp_path: Path) -> None:
    """Whatever a record names as the class is shown, never imported."""
    trained(CAPTIONED, "things.parquet", "run")
    index.OWN.clear()
    Path("evil.py").write_text("open('touched', 'w').close()\n", encoding="utf-8")
    head = read_json(Path("run/recipe.json"))
    Path("run/manifest.json").unlink()
    for said in ("evil.py:Captioned", "evil:Captioned", "os:system", "x" * 10**6, "\x1b[31mred"):
        write_json(Path("run/recipe.json"), {**head, "class": said})
        message = refused("sample", "run")
        assert "no code is run because a folder says so" in message
        assert len(message) < 600
        assert "\x1b" not in message
    write_json(Path("run/recipe.json"), {**head, "class": 5})
    assert "recipe.json" in refused("sample", "run")
    assert not Path("touched").exists()


def named(name: str, **fields: Any) -> Any:
    return type(name, (Captioned,), fields)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (named("Odd", recipe=Recipe("odd", None)), r"Odd.recipe must be a static method recipe\(space, given\)"),
        (named("Odd", recipe=lambda self, space, given: None), "Odd.recipe must be a static method"),
        (named("Odd", needs="text"), r"Odd.needs must be a tuple of names, as needs = \('text',\)"),
    ],
)
def test_a_class_that_is_put_together_wrongly_is_said(model: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        genlab.train(model, "things.parquet", steps=1, out="run")
    assert not Path("run").exists()


def test_a_config_that_cannot_be_found_is_said() -> None:
    def __init__(self: Any, config: "nowhere.Config", space: Any, given: Any = None) -> None: ...  # noqa: F821, UP037

    with pytest.raises(ValueError, match="Odd: annotate `config` of its __init__ with a dataclass"):
        genlab.train(named("Odd", __init__=__init__), "things.parquet", steps=1, out="run")


def test_two_classes_of_one_name_are_not_taken_for_one() -> None:
    shutil.copy(FILE, "other.py")
    for two in ([Captioned, named("Captioned")], [CAPTIONED, "other.py:Captioned"]):
        with pytest.raises(ValueError, match="two classes are called Captioned; call one of them something else"):
            genlab.compare("things.parquet", models=two, out="report")
    assert "two classes are called Captioned" in refused(
        "compare", "things.parquet", "--models", f"{CAPTIONED},other.py:Captioned"
    )
    assert not Path("report").exists()
    once = genlab.compare("things.parquet", models=[CAPTIONED, CAPTIONED], examples=320, features="pixels", out="report")
    assert [key.name for key in once.keys] == ["Captioned"]
    assert f"--models {CAPTIONED} " in once.command()
    genlab.own.registered(Captioned)
    assert "--models Captioned " in once.command()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("models.py:Captoned", "has no Captoned; it has Captioned"),
        ("models.py:Unfinished", "Unfinished lacks sample"),
        ("models.py:vae", "is the name of a model of genlab"),
        ("models.py:function", "function is no model"),
        ("modls.py:Captioned", "there is no file modls.py; did you mean models.py?"),
        ("broken.py:Captioned", "broken.py cannot be run: ZeroDivisionError"),
        ("script.py:Captioned", "script.py cannot be run: SystemExit: 0"),
        ("odd.py:Odd", "annotate `config` of its __init__ with a dataclass whose fields all have defaults"),
    ],
)
def test_what_is_no_model_is_said(name: str, sentence: str) -> None:
    shutil.copy(FILE, "models.py")
    Path("broken.py").write_text("1 / 0\n", encoding="utf-8")
    Path("script.py").write_text("import sys\nsys.exit(0)\n", encoding="utf-8")
    text = FILE.read_text(encoding="utf-8").replace("class Captioned(", "class Odd(").replace("width: int = 8", "width: int")
    Path("odd.py").write_text(text.replace("class vae(Captioned)", "class vae(Odd)"), encoding="utf-8")
    assert sentence in refused("train", name, "things.parquet", "--steps", 1)
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--given", "text=a rød heart"], "text 'a rød heart': not in the alphabet: 'ø'"),
        (["--given", f"text={'a' * 300}"], "text has 300 tokens; this model was given at most"),
        (["--given", "source=x.png"], "was trained on data that do not give source; it takes label, text"),
        (["--class", "sun"], "there is no label 'sun'; there is heart, moon, star"),
    ],
)
def test_what_cannot_be_given_is_said(words: list[str], sentence: str) -> None:
    trained(CAPTIONED, "things.parquet", "run", "--unwatched")
    assert sentence in refused("sample", "run", "--model", CAPTIONED, *words)


def test_a_model_that_does_not_use_text_says_which_do() -> None:
    trained(RESTORER, "things.parquet", "run", *PAIR, "--unwatched")
    said = refused("sample", "run", "--given", "text=a red heart", "--model", RESTORER)
    users = [row.name for row in index.MODELS if "text" in row.uses and "pictures" in row.kinds]
    assert "Restorer does not use text, it takes source" in said
    assert users
    assert all(name in said for name in users)


def test_a_copied_run_is_given_texts_and_says_what_it_lacks() -> None:
    trained(CAPTIONED, "things.parquet", "run", "--unwatched", "--set", "optim.rate=0.03")
    Path("things.parquet").rename("moved.parquet")
    which = ("--model", CAPTIONED)
    assert call("sample", "run", "-n", 2, "--given", "text=a red heart", *which).code == 0
    said = refused("sample", "run", "-n", 2, *which)
    assert "--given text=" in said
    assert "--data PATH" in said
    assert call("sample", "run", "-n", 2, "--data", "moved.parquet", *which).code == 0
    shown = call("show", "run", *which)
    assert shown.code == 0
    assert "the page shows no samples" in shown.err


def test_given_pictures_are_mirrored_with_theirs_and_texts_forbid_it() -> None:
    """A source made of x stays the source that the mirrored x would have."""
    paired = genlab.open("things.parquet", pair="coarse.parquet")
    run = genlab.train(Restorer, paired, steps=3, out="run", device="cpu")
    made = genlab.resume("run", "cpu", more=Budget(steps=1))
    made.engine.start(made.model, made.data, made.recipe, None)
    batch = run.data().stream("train", 0, 16)
    flipped = made.engine._flipped(batch)
    assert torch.equal(flipped.given["source"], flipped.x // 64 * 64 + 32)
    changed = (flipped.x != batch.x).flatten(1).any(1)
    assert 0 < int(changed.sum()) < 16
    with pytest.raises(ValueError, match="flip: a mirrored picture may not be what its text says"):
        genlab.train(Captioned, "things.parquet", steps=1, out="no", settings={"flip": True})
    assert not Path("no").exists()


def test_a_run_says_its_whole_record_in_python() -> None:
    run = genlab.train(Captioned, "things.parquet", steps=1, out="run", device="cpu")
    assert list(run.given) == ["label", "text"]
    assert isinstance(run, Run)


def test_a_class_may_look_at_numbers_when_it_is_built() -> None:
    """As a schedule that checks itself: its outline, which has no numbers, is then not enough to open a run."""

    def __init__(self: Any, config: Any, space: Any, given: Any = None) -> None:
        Captioned.__init__(self, config, space, given)
        assert bool((torch.linspace(0.1, 0.9, 3) < 1).all())

    __init__.__annotations__ = {"config": Width}
    run = genlab.train(named("Looking", __init__=__init__), "things.parquet", steps=1, out="run")
    assert genlab.load(run.path).sample(2).shape == (2, *run.space.shape)
    assert [tick.progress for tick in genlab.api.resume(run.path, more=Budget(steps=1))] == [1]
    with pytest.raises(ValueError, match="these weights belong to another model"):
        run.check({"words.weight": torch.zeros(2, 9)})


def test_an_error_in_a_users_file_is_not_called_one_of_genlab() -> None:
    text = FILE.read_text(encoding="utf-8").replace("config.width", "config.widht")
    Path("mine.py").write_text(text, encoding="utf-8")
    said = refused("train", "mine.py:Captioned", "things.parquet", "--steps", 1, code=1)
    line = 1 + text[: text.index("config.widht")].count("\n")
    assert f"has no attribute 'widht' (in mine.py, line {line}; --debug shows where)" in said
