"""Start-up: help is there at once, because nothing of it loads torch."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from genlab.cli import train
from genlab.cli.main import VERBS
from genlab.data.index import SOURCES
from genlab.measure.catalogue import MEASURES
from genlab.recipes.index import MODELS
from genlab.runs.processes import WorkerError
from tests.cli.calls import COMMAND, call, refused

NAMES = [name for name, _, _ in VERBS]
HEAVY = {"torch", "numpy", "PIL", "matplotlib", "accelerate"}


@pytest.mark.parametrize(
    "words", [[], ["--help"], ["--version"], ["list"], ["list", "data"], *([name, "--help"] for name in NAMES)]
)
def test_help_and_lists_load_nothing_heavy(words: list[str]) -> None:
    program = f"""
import sys
from pathlib import Path
from genlab.cli.main import main
main({words!r})
sys.exit(" ".join(sorted({HEAVY} & set(sys.modules))) or 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("words", "seconds"), [(["--help"], 0.7), (["train", "--help"], 1.0)])
def test_help_is_quick(words: list[str], seconds: float) -> None:
    """Processor time, which other work on the machine does not lengthen much; the best of three."""

    def spent() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*COMMAND, *words], capture_output=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(spent() for _ in range(3)) < seconds


@pytest.mark.parametrize("name", NAMES)
def test_every_verb_has_examples_of_itself(name: str) -> None:
    said = call(name, "--help")
    assert said.code == 0
    assert f"Examples:\n  genlab {name}" in said.out


def test_list_names_every_model_and_source() -> None:
    models, data = call("list").out, call("list", "data").out
    assert all(f"\n{row.name} " in models and row.paper in models for row in MODELS)
    assert all(f"\n{row.name} " in data for row in SOURCES)


def test_list_says_what_each_word_is() -> None:
    measures = call("list", "measures").out
    assert all(f"\n{row.name} " in measures and row.says in measures for row in MEASURES)
    assert "1,797 handwritten digits" in (digits := call("list", "digits").out)
    assert "learnt by: ngram, gpt, pixelcnn, vae" in digits
    points = call("list", "points").out
    assert "\nddpm " in points
    assert "\npixelcnn " not in points


@pytest.mark.parametrize(("words", "latent"), [(["vae"], "64"), (["vae", "points"], "2"), (["vae", "digits"], "16")])
def test_the_settings_of_a_model_are_those_for_the_data_named(words: list[str], latent: str) -> None:
    line = next(line for line in call("list", *words).out.splitlines() if line.startswith("model.latent "))
    assert line.split()[1] == latent


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["trian"], 'Did you mean "train"'),
        (["train", "vea", "digits"], "did you mean vae?"),
        (["train", "vae", "digist"], "did you mean digits?"),
        (["list", "gann"], "did you mean gan?"),
        (["list", "digist"], "did you mean digits?"),
        (["list", "measure"], "did you mean measures?"),
        (["list", "gpt", "points"], "gpt learns text, lines, pictures; these data are points"),
        (["train", "digits", "ddpm"], "the model comes before the data: genlab train ddpm digits"),
        (["train", "vae", "digits", "--sed", "1"], "Did you mean --seed?"),
        (["train", "vae", "digits", "--binarise", "blurry"], "threshold"),
        (["train", "vae"], "DATA"),
        (["sample", "nowhere"], "there is no folder nowhere"),
    ],
)
def test_a_wrong_word_names_the_near_miss(words: list[str], hint: str) -> None:
    assert hint in refused(*words)


def test_debug_shows_where() -> None:
    said = call("sample", "nowhere", "--debug")
    assert said.code == 2
    assert "Traceback" in said.err


def test_one_of_several_processes_tells_only_what_the_others_do_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RANK", "1"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    for error, said in (
        (WorkerError("on desk: no file"), "genlab (process 1): on desk: no file\n"),
        (ValueError("no file"), ""),
    ):
        monkeypatch.setattr(train, "scheduled", lambda *_, error=error: raised(error))
        assert call("train", "vae", "points/ring") == (2, "", said)


def raised(error: Exception) -> None:
    raise error


def test_a_launcher_that_started_one_process_is_seen_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `accelerate launch --num_processes 2` sets on a machine without a GPU."""
    monkeypatch.setenv("ACCELERATE_DYNAMO_BACKEND", "NO")
    assert call("list", "vae").err == ""
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    assert "several processes and started one" in call("list", "vae").err
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert call("list", "vae").err == ""


@pytest.mark.parametrize("words", [("--size", "8.5"), ("--steps", "1.5"), ("--seed", "0.1"), ("--threads", "1.2")])
def test_a_fraction_is_refused_where_a_whole_number_is_needed(words: tuple[str, str]) -> None:
    option, value = words
    said = refused("train", "gan", "digits", *words)
    assert f"{option}: it must be a whole number, got {value}" in said
    assert not Path("runs").exists()


def test_a_whole_number_may_be_written_with_a_point() -> None:
    assert "there is no folder nowhere" in refused("sample", "nowhere", "-n", "2.0")
