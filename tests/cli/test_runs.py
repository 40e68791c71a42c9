"""What one does with a model: train it, sample it, score it, look into it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.runs.files import read_tensors
from tests.cli.calls import call, refused

Runs = Callable[[str], Path]


def test_train_says_where_the_run_is_and_how_to_go_on(tmp_path: Path) -> None:
    said = call("train", "vae", "digits", "--steps", 3, "--seed", 5, "--set", "model.latent=7", "batch=8")
    assert said.code == 0
    assert "run: runs/digits-vae-1" in said.out
    assert "genlab sample runs/digits-vae-1" in said.out
    recipe = genlab.load(tmp_path / "runs/digits-vae-1").recipe
    assert (recipe.model.latent, recipe.batch, recipe.seed, recipe.budget.steps) == (7, 8, 5, 3)
    assert "training vae: done" in said.err


def test_the_next_run_has_the_next_number(tmp_path: Path) -> None:
    for number in (1, 2):
        record = json.loads(call("train", "gan", "points/ring", "--steps", 1, "--json").out)
        assert record["run"] == f"runs/points-ring-gan-{number}"
        assert record["finished"]


def test_a_run_is_replaced_only_by_force(run: Runs, tmp_path: Path) -> None:
    there = run("ring")
    weights = (there / "weights.safetensors").read_bytes()
    assert "--force" in refused("train", "gan", "points/ring", "--steps", 1, "--out", there)
    assert (there / "weights.safetensors").read_bytes() == weights
    assert call("train", "gan", "points/ring", "--steps", 1, "--out", there, "--force").code == 0
    assert (there / "weights.safetensors").read_bytes() != weights


def test_force_does_not_touch_what_is_no_run(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    assert "no run" in refused("train", "gan", "points/ring", "--steps", 1, "--out", mine, "--force")
    assert (mine / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--steps", "0"], "--steps must be more than 0"),
        (["--seconds", "-3"], "--seconds must be more than 0"),
        (["--seconds", "nan"], "--seconds must be more than 0"),
        (["--steps", "3", "--seconds", "3"], "exactly one"),
        (["--set", "model.latent=0"], "from 1 to"),
        (["--set", "model.latent=many"], "a whole number"),
        (["--set", "model.latnt=3"], "did you mean model.latent?"),
        (["--set", "model.latent"], "KEY=VALUE"),
        (["--threads", "0"], "--threads must be at least 1"),
        (["--seed", "-1"], 'Invalid value "-1" for --seed. Must be >= 0'),
        (["--seed", "1" * 30], "for --seed. Must be <="),
        (["--set", "seed=3"], "--set seed=3: the seed has an option of its own; write --seed 3"),
        (["--device", "cuda:7"], "try --device cpu"),
    ],
)
def test_impossible_training_is_refused_before_anything_is_written(words: list[str], hint: str, tmp_path: Path) -> None:
    assert hint in refused("train", "gan", "points/ring", *words)
    assert not (tmp_path / "runs").exists()


def test_a_schedule_repeats_a_run_of_seconds(tmp_path: Path) -> None:
    assert call("train", "gan", "points/ring", "--seconds", 0.3, "--out", "one").code == 0
    said = call("train", "gan", "points/ring", "--seconds", 0.3, "--schedule", "one/schedule.json", "--out", "two")
    assert said.code == 0, said.err
    for name, tensor in read_tensors(tmp_path / "one/weights.safetensors")[0].items():
        assert torch.equal(tensor, read_tensors(tmp_path / "two/weights.safetensors")[0][name])
    other = "--schedule one/schedule.json is that of another training: genlab train gan DATA --seconds 0.3 --seed 0"
    for words in (("gan", "--seconds", 0.2), ("vae", "--seconds", 0.3), ("gan",)):
        assert other in refused("train", words[0], "points/ring", *words[1:], "--schedule", "one/schedule.json")
    said = refused("train", "gan", "points/ring", "--steps", 9, "--schedule", "one/schedule.json")
    assert "use --seconds, not --steps" in said
    assert "is no schedule" in refused("train", "gan", "points/ring", "--schedule", "one/recipe.json")
    assert "there is no nowhere.json" in refused("train", "gan", "points/ring", "--schedule", "nowhere.json")


def test_a_model_that_cannot_learn_the_data_says_which_it_can() -> None:
    assert "pictures" in refused("train", "pixelcnn", "points/ring")


def test_what_a_model_does_not_use_of_its_data_is_noted() -> None:
    said = call("train", "gan", "digits", "--degrade", "4x", "--steps", 1, "--unwatched")
    assert said.code == 0
    (note,) = [line for line in said.err.splitlines() if line.startswith("note: ")]
    assert note.startswith("note: gan does not use source of these data; models of pictures that use source: ")
    assert "ddpm" in note
    assert "note" not in call("train", "gan", "digits", "--steps", 1, "--unwatched").err


def test_labels_that_are_left_out_cannot_be_kept() -> None:
    said = refused("train", "gan", "digits", "--labelled", 5, "--unconditional", "--steps", 1)
    assert said == "--unconditional leaves out the labels that --labelled keeps; leave one of them out"
    assert "has no classes; leave --labelled out" in refused("train", "gan", "points/ring", "--labelled", 5, "--steps", 1)


# --- sample ----------------------------------------------------------------------------------------------------------


def test_samples_go_into_the_run_by_default(run: Runs) -> None:
    there = run("gan")
    said = call("sample", there, "-n", 6)
    picture = there / "samples/seed-0.png"
    assert str(picture) in said.out
    assert Image.open(picture).width > 0


def test_npz_holds_the_units_of_the_data_and_what_was_given(trained: Runs, tmp_path: Path) -> None:
    assert call("sample", trained("gan"), "-n", 5, "--class", 3, "--seed", 2, "--out", "a.npz").code == 0
    with np.load(tmp_path / "a.npz") as found:
        x, label, levels = found["x"], found["label"], found["levels"]
    assert (x.shape, x.dtype, int(levels)) == ((5, 1, 8, 8), np.uint8, 17)
    assert x.max() <= 16
    assert label.tolist() == [3] * 5
    same = genlab.load(trained("gan")).sample(5, seed=2, given={"label": "3"})
    np.testing.assert_array_equal(x, same.numpy())


def test_what_sample_writes_genlab_reads_back(trained: Runs) -> None:
    call("sample", trained("gan"), "-n", 80, "--out", "again.npz")
    said = call("train", "vae", "again.npz", "--steps", 1)
    assert said.code == 0, said.err


def test_a_table_gets_a_table(tmp_path: Path) -> None:
    rows = [f"{x / 7},{x % 5},{'even' if x % 2 == 0 else 'odd'}" for x in range(100)]
    (tmp_path / "measured.csv").write_text("\n".join(["width,rest,label", *rows]))
    assert call("train", "vae", "measured.csv", "--steps", 2, "--out", "run").code == 0
    assert call("sample", "run", "-n", 100, "--class", "odd", "--out", "more.csv").code == 0
    head, *lines = (tmp_path / "more.csv").read_text().splitlines()
    assert head == "width,rest,label"
    drawn = genlab.load(tmp_path / "run").sample(100, given={"label": "odd"})
    found = [[float(number) for number in line.split(",")[:2]] for line in lines]
    assert torch.equal(torch.tensor(found), drawn)
    assert {line.split(",")[2] for line in lines} == {"odd"}
    assert genlab.open("more.csv").space.shape == (2,)


def test_points_without_names_get_some(trained: Runs, tmp_path: Path) -> None:
    assert call("sample", trained("ring"), "-n", 2, "--out", "points.csv").code == 0
    assert (tmp_path / "points.csv").read_text().startswith("x1,x2\n")


def test_the_first_samples_do_not_depend_on_how_many_there_are(trained: Runs, tmp_path: Path) -> None:
    for n in (3, 20):
        call("sample", trained("ring"), "-n", n, "--exact", "--out", f"{n}.npz")
    few, many = (np.load(tmp_path / f"{n}.npz")["x"] for n in (3, 20))
    np.testing.assert_array_equal(few, many[:3])


def test_a_folder_gets_one_file_a_sample(trained: Runs, tmp_path: Path) -> None:
    assert call("sample", trained("gan"), "-n", 11, "--out", "each").code == 0
    files = sorted((tmp_path / "each").iterdir())
    assert [file.name for file in files] == [f"{number:02d}.png" for number in range(11)]
    assert Image.open(files[0]).size == (8, 8)
    assert "--force" in refused("sample", trained("gan"), "-n", 11, "--out", "each")


def test_a_gif_moves(trained: Runs, tmp_path: Path) -> None:
    assert call("sample", trained("text"), "-n", 2, "--out", "way.gif").code == 0
    assert getattr(Image.open(tmp_path / "way.gif"), "n_frames", 1) > 1


def test_text_goes_to_stdout_and_to_files(trained: Runs, tmp_path: Path) -> None:
    out = call("sample", trained("text"), "-n", 2).out
    assert len([line for line in out.splitlines() if set(line) <= set("src") and len(line) == 16]) == 2
    record = json.loads(call("sample", trained("lines"), "-n", 3, "--json").out)
    assert len(record["texts"]) == 3
    call("sample", trained("lines"), "-n", 3, "--out", "names.txt")
    assert (tmp_path / "names.txt").read_text().splitlines() == record["texts"]


def test_raw_weights_are_named(trained: Runs) -> None:
    assert "averaged weights" in call("sample", trained("gan"), "-n", 2).out
    assert "raw weights" in call("sample", trained("gan"), "-n", 2, "--raw").out


@pytest.mark.parametrize(
    ("name", "words", "hint"),
    [
        ("gan", ["-n", "0"], "at least 1"),
        ("gan", ["--class", "30"], "there is 0, 1, 2"),
        ("gan", ["--class", "seven"], "there is 0, 1, 2"),
        ("gan", ["--class", "3", "--given", "label=4"], "both set the class"),
        ("ring", ["--class", "1"], "it takes no condition"),
        ("gan", ["--given", "text=a cat"], "it takes label"),
        ("gan", ["--given", "text"], "KEY=VALUE"),
        ("gan", ["--out", "a.mp3"], ".png"),
        ("gan", ["--out", "a.txt"], ".png"),
        ("ring", ["--out", "folder"], ".npz"),
        ("gan", ["--out", "a.csv"], ".csv holds points; these samples go to .png or .npz"),
        ("text", ["--out", "a.csv"], ".csv holds points; these samples go to .txt or .npz"),
        ("gan", ["-n", "300", "--out", "a.gif"], "at most 256"),
        ("text", ["--option", "temprature=2"], "did you mean temperature?"),
        ("text", ["--option", "temperature=hot"], "a number"),
        ("text", ["--option", "length=0"], "at least 1"),
        ("gan", ["--option", "sampling_steps=5"], "no options of its own"),
    ],
)
def test_impossible_samples_are_refused(name: str, words: list[str], hint: str, trained: Runs, tmp_path: Path) -> None:
    assert hint in refused("sample", trained(name), *words)
    assert not list(tmp_path.glob("a.*"))


def test_options_reach_the_model(trained: Runs) -> None:
    record = json.loads(call("sample", trained("text"), "-n", 1, "--option", "length=50", "top_k=1", "--json").out)
    assert len(record["texts"][0]) == 50


# --- score, show -----------------------------------------------------------------------------------------------------


def test_score_states_claim_and_protocol(run: Runs) -> None:
    there = run("vae")
    record = json.loads(call("score", there, "-n", 100, "--split", "validation", "--json").out)
    assert record["likelihood"]["claim"] == "lower"
    assert record["likelihood"]["split"] == "validation"
    assert record["scores"]
    assert all(score["protocol"]["generated"] == 100 for score in record["scores"].values())
    assert json.loads((there / "scores.json").read_text()) == record


def test_a_likelihood_that_is_not_defined_is_explained_and_the_rest_still_scored(run: Runs) -> None:
    there = run("ring")
    said = call("score", there, "-n", 100)
    assert said.code == 0
    assert "no likelihood: this model draws examples without knowing how probable one is" in said.out
    assert said.out.splitlines()[1].startswith("squared MMD ")
    assert "median distance" not in said.out
    full = call("score", there, "-n", 100, "--full").out
    assert "likelihood (-log p): not defined, the model draws examples without knowing how probable one is" in full
    assert "kernel mean of 5 Gaussians, median distance / 1, 2, 4, 8, 16" in full


def test_show_gathers_what_is_known(run: Runs) -> None:
    there = run("vae")
    call("score", there, "-n", 50)
    said = call("show", there)
    assert said.code == 0, said.err
    for word in ("Kingma", "digits", "4 steps", "likelihood", "bits/dim", str(there / "show.html")):
        assert word in said.out
    assert "<svg" in (there / "show.html").read_text()
    record = json.loads(call("show", there, "--json").out)
    assert record["recipe"]["name"] == "vae"
    assert record["last"]["progress"] == record["reached"]["progress"] == 1


def test_show_tells_how_far_a_run_came_though_its_last_reading_is_older(run: Runs) -> None:
    there = run("ring")
    rows = (there / "ticks.jsonl").read_text().splitlines()
    (there / "ticks.jsonl").write_text("\n".join(rows[:2]) + "\n")
    assert json.loads(rows[1])["progress"] < 1
    assert "trained     100%: 1,024 examples" in call("show", there).out


def test_scores_of_before_it_learnt_more_are_marked(run: Runs) -> None:
    there = run("ring")
    assert call("score", there, "-n", 50).code == 0
    assert "older" not in call("show", there).out
    assert call("resume", there, "--steps", 2).code == 0
    said = "measured after 1,024 examples, 1,536 have been learnt from by now"
    assert f"the scores were {said}: genlab score {there}" in call("show", there).out
    assert said in (there / "show.html").read_text()
    assert call("score", there, "-n", 50).code == 0
    assert "older" not in call("show", there).out
    assert "measured after" not in (there / "show.html").read_text()


# --- reconstruct, interpolate, complete ------------------------------------------------------------------------------


def test_reconstruct_keeps_the_originals_beside(trained: Runs, tmp_path: Path) -> None:
    assert call("reconstruct", trained("vae"), "-n", 5, "--out", "both.npz").code == 0
    with np.load(tmp_path / "both.npz") as found:
        assert found["x"].shape == found["original"].shape == (5, 1, 8, 8)
    assert call("reconstruct", trained("vae"), "-n", 5, "--out", "both.png").code == 0


def test_interpolate_begins_and_ends_at_what_was_drawn(trained: Runs, tmp_path: Path) -> None:
    assert call("interpolate", trained("ring"), "-n", 3, "--steps", 4, "--out", "walk.npz").code == 0
    with np.load(tmp_path / "walk.npz") as found:
        x, share = found["x"].reshape(3, 4, 2), found["share"].reshape(3, 4)
    np.testing.assert_allclose(share[0], [0, 1 / 3, 2 / 3, 1])
    ends = genlab.load(trained("ring")).sample(6)
    np.testing.assert_allclose(x[:, 0], ends[:3], atol=1e-4)
    np.testing.assert_allclose(x[:, -1], ends[3:], atol=1e-4)


def test_interpolate_between_real_examples_needs_an_encoder(trained: Runs) -> None:
    assert call("interpolate", trained("vae"), "--real", "-n", 2, "--steps", 3, "--out", "a.gif").code == 0
    assert "leave --real out" in refused("interpolate", trained("gan"), "--real")


def test_complete_goes_on_with_a_text(trained: Runs) -> None:
    texts = json.loads(call("complete", trained("text"), "--text", "srcsr", "--length", 20, "-n", 2, "--json").out)["texts"]
    assert [text[:5] for text in texts] == ["srcsr"] * 2
    assert {len(text) for text in texts} == {25}
    lines = json.loads(call("complete", trained("lines"), "--text", "ab", "--json").out)["texts"]
    assert all(line.startswith("ab") for line in lines)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["reconstruct", "gan"], "gan cannot reconstruct; for pictures vae"),
        (["complete", "gan"], "for pictures ngram, gpt, pixelcnn and rbm can"),
        (["interpolate", "text"], "gpt cannot interpolate"),
        (["complete", "text"], "--text"),
        (["complete", "text", "--text", "x"], "not in the alphabet"),
        (["complete", "lines", "--text", "a" * 40], "lines of this run end after"),
        (["reconstruct", "vae", "-n", "0"], "at least 1"),
        (["interpolate", "gan", "--steps", "1"], "at least 2"),
        (["interpolate", "gan", "--class", "30"], "there is 0, 1, 2"),
    ],
)
def test_what_a_model_cannot_do_is_said_in_a_sentence(words: list[str], hint: str, trained: Runs) -> None:
    verb, name, *rest = words
    assert hint in refused(verb, trained(name), *rest)


def test_learnt_tokens_are_put_together_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Part of a character is no text: samples, completions and pages go through the run's tokenizer, with or without data."""
    (tmp_path / "x.txt").write_text("süße Öfen, große Bäume\n" * 80, encoding="utf-8")
    words = ("--vocabulary", 260, "--length", 16, "--out", "bpe")
    assert call("train", "ngram", "x.txt", "--seconds", 3, *words).code == 0
    record = json.loads(call("complete", "bpe", "--text", "süße", "--length", 12, "-n", 2, "--json").out)
    assert all(text.startswith("süße") for text in record["texts"])
    assert call("sample", "bpe", "--out", "s.png").code == 0
    assert call("show", "bpe").code == 0
    drawn = call("sample", "bpe", "-n", 1, "--seed", 3).out
    (tmp_path / "x.txt").unlink()
    assert json.loads(call("complete", "bpe", "--text", "süße", "--length", 12, "-n", 2, "--json").out) == record
    assert call("sample", "bpe", "-n", 1, "--seed", 3).out == drawn


def test_a_copied_run_is_prompted_without_its_data_and_a_lost_tokenizer_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("süße Öfen, große Bäume\n" * 80, encoding="utf-8")
    assert call("train", "ngram", "x.txt", "--seconds", 1, "--length", 16, "--out", "a").code == 0
    (tmp_path / "x.txt").unlink()
    shutil.move("a", "copied")
    assert call("complete", "copied", "--text", "große", "-n", 1).out.startswith("große")
    file = tmp_path / "copied/tokenizer.json"
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole.replace("ü", "ë"), encoding="utf-8")
    assert "tokenizer.json is damaged; restore it from a copy" in refused("complete", "copied", "--text", "gro")
    (tmp_path / "copied/manifest.json").unlink()  # nobody vouches for the file, its own content does
    assert "tokenizer.json is not that of this run" in refused("complete", "copied", "--text", "gro")
    file.write_text(whole[:50], encoding="utf-8")
    assert "tokenizer.json" in refused("complete", "copied", "--text", "gro")
    file.unlink()
    assert "tokenizer.json is missing, or lacks x; restore it from a copy" in refused("complete", "copied", "--text", "gro")
    assert call("sample", "copied", "-n", 1).code == 0


def test_what_would_steer_a_terminal_is_not_printed(trained: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genlab.trained.Run.texts", lambda run, x: ("red \x1b[31m",))
    assert "\x1b" not in call("sample", trained("text"), "-n", 1).out
