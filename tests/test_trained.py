"""What a run does in Python beside sampling: reconstructions, interpolations, completions, its texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import genlab
from genlab.api import Budget, session
from genlab.completion import Half, half
from genlab.core.options import own_options
from genlab.core.space import Space
from genlab.runs.files import Damaged
from genlab.trained import Run

SMALL = {"model.layers": 1, "model.width": 16, "model.heads": 2}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def vae(home: Path) -> Run:
    return genlab.train("vae", "digits", steps=4, out=home / "vae")


@pytest.fixture(scope="module")
def gpt(home: Path) -> Run:
    return genlab.train("gpt", "strings/weather", steps=4, out=home / "gpt", settings=SMALL)


@pytest.fixture(scope="module")
def ngram(home: Path) -> Run:
    return genlab.train("ngram", "digits", steps=4, out=home / "ngram")


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"settings": {"batch": "0"}}, ValueError, "from 1 to 1,000,000"),
        ({"shard": True}, ValueError, "--shard cuts a model among processes, and this is one"),
        ({"on_nan": "hope"}, ValueError, "--on-nan hope: choose stop or halve-lr"),
        ({"secnds": 1}, TypeError, "training has no option 'secnds'; did you mean seconds?"),
        ({"save_evry": 1}, TypeError, "training has no option 'save_evry'; did you mean save_every?"),
    ],
)
def test_a_training_that_is_refused_leaves_no_folder(
    options: dict[str, Any], error: type[Exception], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=sentence):
        genlab.train("vqvae", "digits", steps=1, **options)
    with pytest.raises(ValueError, match="missing entries"):
        genlab.train("vqvae", genlab.open("digits", hide="0.5"), steps=1)
    assert not [path for path in tmp_path.rglob("*") if path.name != "runs"]


def test_a_reconstruction_is_what_the_model_makes_of_the_first_examples(vae: Run) -> None:
    made = vae.reconstruct(5, "validation")
    batch, model = vae.data().once("validation", 0, 5), vae.model()
    assert torch.equal(made.original, batch.x)
    assert torch.equal(made.given["label"], batch.given["label"])
    torch.testing.assert_close(made.x, model.decode(model.encode(batch.x, batch.given), batch.given))
    assert not made.x.requires_grad


def test_a_way_has_its_ends_and_its_middle_at_the_places_that_it_says(vae: Run) -> None:
    shares: list[float] = []
    made = vae.interpolate(3, 5, seed=2, given={"label": 7}, progress=shares.append)
    assert made.x.shape == (3, 5, *vae.space.shape)
    assert made.share.tolist() == shares == [0, 0.25, 0.5, 0.75, 1]
    assert made.given["label"].tolist() == [[7] * 5] * 3
    drawn = vae.sample(6, 2, given={"label": 7}, sample_mean=True)
    torch.testing.assert_close(made.x[:, 0], drawn[:3])
    torch.testing.assert_close(made.x[:, -1], drawn[3:])


def test_real_ends_are_reconstructions_and_keep_what_is_given_with_them(vae: Run) -> None:
    made, ends = vae.interpolate(2, 4, real=True), vae.reconstruct(4, "test")
    torch.testing.assert_close(made.x[:, 0], ends.x[:2])
    torch.testing.assert_close(made.x[:, -1], ends.x[2:])
    left, right = ends.given["label"][:2], ends.given["label"][2:]
    assert torch.equal(made.given["label"], torch.stack([left, left, right, right], 1))
    with pytest.raises(ValueError, match="have their own label"):
        vae.interpolate(2, 4, given={"label": 3}, real=True)
    with pytest.raises(ValueError, match="4000 rows need 8000 ends"):
        vae.interpolate(4000, real=True)


@pytest.mark.parametrize("keep", ["top", "bottom", "left", "right"])
def test_the_half_that_is_kept_is_that_of_real_pictures(ngram: Run, keep: Half) -> None:
    made = ngram.complete_half(keep, 4, seed=1)
    rows, columns = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")
    wanted = {"top": rows < 4, "bottom": rows >= 4, "left": columns < 4, "right": columns >= 4}[keep]
    assert torch.equal(made.mask, wanted.expand(4, 1, 8, 8))
    batch = ngram.data().once("test", 0, 4)
    assert torch.equal(made.original, batch.x)
    assert torch.equal(made.given["label"], batch.given["label"])
    assert torch.equal(made.x[made.mask], made.original[made.mask])
    assert not torch.equal(made.x, made.original)


def test_a_completion_is_that_of_the_same_noise_and_of_what_is_given(ngram: Run) -> None:
    x = ngram.data().once("test", 0, 3).x
    made = ngram.complete(x, half(ngram.space, "top"), seed=5, given={"label": [1, 2, 3]})
    assert made.given["label"].tolist() == [1, 2, 3]
    again = ngram.complete(x, made.mask, seed=5, given={"label": [1, 2, 3]})
    assert torch.equal(made.x, again.x)
    assert not torch.equal(made.x, ngram.complete(x, made.mask, seed=6, given={"label": [1, 2, 3]}).x)
    with pytest.raises(ValueError, match="does not fit"):
        ngram.complete(x, torch.ones(2, 1, 8, 8))
    with pytest.raises(ValueError, match="at least one example of shape"):
        ngram.complete(x[:0], made.mask[:0])


def test_a_text_goes_on_from_its_beginning(gpt: Run) -> None:
    made = gpt.complete_text("srcsr", 3, length=20, temperature=0.5)
    texts = gpt.texts(made.x)
    assert [text[:5] for text in texts] == ["srcsr"] * 3
    assert {len(text) for text in texts} == {25}
    with pytest.raises(ValueError, match="temprature: did you mean temperature"):
        gpt.complete_text("s", temprature=0.5)
    with pytest.raises(ValueError, match="only pictures have halves"):
        gpt.complete_half()


def test_what_a_model_cannot_do_names_those_that_can(gpt: Run, vae: Run, ngram: Run) -> None:
    with pytest.raises(ValueError, match="gpt cannot interpolate; no model of text can"):
        gpt.interpolate()
    with pytest.raises(ValueError, match="vae cannot complete; for pictures ngram, gpt, pixelcnn and rbm can"):
        vae.complete_half()
    with pytest.raises(ValueError, match="learnt from no text"):
        ngram.complete_text("a")


def test_an_option_is_read_as_its_type_and_a_wrong_one_is_a_sentence(vae: Run) -> None:
    def sample(n: int, given: object = None, *, noise: object, steps: int | None = None, rate: float = 1.0) -> None: ...
    def anything(n: int, *, noise: object, steps: int = 3, **options: object) -> None: ...

    assert own_options(sample, {"steps": "5", "rate": "0.5"}) == {"steps": 5, "rate": 0.5}
    assert own_options(anything, {"steps": 5, "other": "x"}) == {"steps": 5, "other": "x"}
    for said, hint in (({"stps": 1}, "did you mean steps"), ({"rate": "x"}, "a number"), ({"steps": 0}, "at least 1")):
        with pytest.raises(ValueError, match=hint):
            own_options(sample, said)
    with pytest.raises(ValueError, match="sampl_mean: did you mean sample_mean"):
        vae.sample(2, sampl_mean=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("4",), "n must be a whole number of at least 1, got '4'"),
        ((4.5,), "n must be a whole number"),
        ((2, "a"), "a seed is a whole number"),
        ((2, 0.5), "a seed is a whole number"),
        ((2, 0, ["label"]), r"given is a dictionary, as ..label.: 3., not list"),
        ((2, 0, "label"), "given is a dictionary"),
        ((2, 0, {"label": torch.zeros(2, dtype=torch.complex64)}), "label holds complex numbers"),
    ],
)
def test_arguments_of_other_types_are_refused_in_a_sentence(vae: Run, arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        vae.sample(*arguments)
    assert len(vae.sample(np.int64(2), np.int64(1), {"label": np.array([1, 2])})) == 2


def test_a_half_is_one_of_a_picture() -> None:
    with pytest.raises(ValueError, match="only pictures"):
        half(Space((2,), "D", "real"), "top")


def test_what_is_in_a_run_is_described(vae: Run) -> None:
    found = genlab.describe(vae.path)
    assert (found.recipe.name, found.source, found.progress, found.examples) == ("vae", "digits", 1, 4 * vae.recipe.batch)
    assert (found.results, found.older, found.steered) == (None, "", False)
    assert set(found.readings) == set(vae.ticks()[-1]["readings"])
    facts = dict(found.facts())
    assert facts["classes"].startswith("0 178, 1 182, ")
    assert facts["trained"].startswith(f"100%: {found.examples:,} examples")
    assert all(said in repr(found) for said in facts.values())


def test_lost_averages_are_those_of_the_checkpoint_and_called_averaged(tmp_path: Path) -> None:
    settings = {**SMALL, "optim.half_life": 50}
    run = genlab.train("gpt", "strings/weather", steps=4, out=tmp_path / "gpt", settings=settings)
    before = run.sample(4)
    (run.path / "average.safetensors").unlink()
    again = genlab.load(run.path)
    assert again.averaged
    with pytest.warns(Damaged, match="average.safetensors is missing: weights of the checkpoint at 100% are used"):
        assert torch.equal(again.sample(4), before)


def test_a_run_is_saved_between_two_steps_alone(tmp_path: Path) -> None:
    made = session("gan", genlab.open("points/ring"), tmp_path / "gan", budget=Budget(steps=3))
    with pytest.raises(ValueError, match="can be saved only between two steps"):
        made.stop()
    for tick in made:
        if not tick.closes:
            with pytest.raises(ValueError, match="can be saved only between two steps"):
                made.stop()
        elif tick.step == 1:
            break
    made.stop()
    state = made.folder.state()
    assert state is not None
    assert state[1]["step"] == 2
    ticks = iter(made)
    assert not next(ticks).closes
    ticks.close()
    with pytest.raises(ValueError, match="its last checkpoint stays as it is"):
        made.stop()
    assert [tick.step for tick in made if tick.closes] == [2]
    assert genlab.load(made.stop().path).reached()["progress"] == 1
