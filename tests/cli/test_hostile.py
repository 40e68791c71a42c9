"""Looking at what somebody tampered with, a comparison or the pages of its runs, gives a page or one sentence."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genlab.features import cache
from genlab.report import pictures
from genlab.runs.files import read_json, within, write_json
from genlab.runs.folder import Folder
from tests.cli.calls import Said, call, refused
from tests.runs.hostile import forge, tampered, unharmed
from tests.runs.watched import alarmed, safetensors_are_heard  # noqa: F401, a fixture of every test here

LOOKED_AT = ("report.json", "scores.json", "*.jsonl", "compared.safetensors", "*.png")
QUICK = ("--budget", "examples=64", "--samples", 20)
ALARM = {"kind": "saturated", "progress": 0.5, "seconds": 0.5, "sentence": "It.", "remedy": "Do.", "curve": "elbo.loss"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def comparison(place: Path) -> tuple[str, ...]:
    """The call that goes on with a comparison that has all that a page shows."""
    words = ("compare", "digits", "--models", "vae,gan", *map(str, QUICK), "--out")
    whole = place / "whole"
    assert call(*words, whole).code == 0
    record = read_json(whole / "report.json")
    for row in record["rows"]:
        run = whole / "runs" / row["name"]
        assert (run / "samples/compared.safetensors").is_file()
        Folder(run).log_alarm(ALARM)
        row["alarms"] = [ALARM]
        write_json(run / "scores.json", {**row, "split": "test", "weights": "averaged"})
        (run / "alarms").mkdir()
        (run / "alarms/saturated.png").write_bytes(pictures.png(pictures.picture(np.zeros((4, 1, 8, 8)), _space(run))))
    write_json(whole / "report.json", record)
    shutil.copytree(whole, place / "pages")
    for path in sorted((place / "pages").rglob("*"), reverse=True):
        if path.is_file() and not any(path.match(name) for name in LOOKED_AT):
            path.unlink()
    return words


def _space(run: Path) -> Any:
    from genlab.api import load

    return load(run).space


def completed(target: Path, whole: Path) -> None:
    """With the files beside those that were tampered with."""
    for path in sorted(whole.rglob("*")):
        name = path.relative_to(whole)
        if path.is_file() and not any(path.match(each) for each in LOOKED_AT):
            try:
                new = within(target, str(name))
                if new.is_symlink():  # its lock, which leads elsewhere now
                    continue
                new.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, new)
            except (ValueError, OSError):  # a folder on the way is a link or a file
                continue


def looked_at(words: Sequence[object], target: Path, other: Path, chance: random.Random) -> list[Said]:
    runs = [target / "runs" / name for name in ("vae", "gan")]
    calls: list[tuple[object, ...]] = [(*words, target), ("show", runs[0]), ("show", runs[1])]
    if chance.random() < 0.2:
        calls.append(("compare", *runs, "--samples", 20, "--out", other, "--force"))
    return [call(*each) for each in calls]


def fuzz(comparison: tuple[str, ...], place: Path, count: int, part: int) -> int:
    """How many were looked at; it fails at the first that leads to anything else than a page or a sentence."""
    target, other, done_with = place / f"target-{part}", place / f"other-{part}", 0
    for number in range(count):
        seed = part * 10**6 + number
        chance = random.Random(seed)
        done = tampered(place / "pages", target, seed)
        completed(target, place / "whole")
        done += [forge(path) for path in sorted(target.glob("runs/*")) if chance.random() < 0.6 and not path.is_symlink()]
        try:
            with alarmed(target, other, cache()):  # what lies elsewhere beside them is nobody's business
                found = looked_at(comparison, target, other, chance)
            assert unharmed(target)
            for said in found:
                assert said.code in (0, 1, 2), said
                assert "fault of genlab" not in said.out + said.err, said
                assert "Traceback" not in said.err, said
            done_with += 1
        except BaseException as error:
            error.add_note(f"{seed}: {done}")
            raise
        finally:
            for path in (target, other):
                shutil.rmtree(path, ignore_errors=True)
    return done_with


def test_what_was_not_tampered_with_is_shown(comparison: tuple[str, ...], place: Path) -> None:
    shutil.copytree(place / "pages", place / "copy")
    completed(place / "copy", place / "whole")
    with alarmed(place, cache()):
        went_on, *shown = looked_at(comparison, place / "copy", place / "other", random.Random(2))
    assert "nothing is left to do" in went_on.err
    assert all(said.code == 0 and "page" in said.out for said in shown)
    assert (place / "copy/report.html").read_text().count("data:image/png") > 4
    assert "what raised the alarm" in (place / "copy/runs/vae/show.html").read_text()


def test_hostile_pages(comparison: tuple[str, ...], place: Path) -> None:
    assert fuzz(comparison, place, 40, 0) == 40


@pytest.mark.slow
@pytest.mark.parametrize("part", range(1, 5))
def test_many_hostile_pages(comparison: tuple[str, ...], place: Path, part: int) -> None:
    assert fuzz(comparison, place, 100, part) == 100


def test_code_named_by_a_comparison_runs_only_for_who_says_so(comparison: tuple[str, ...], place: Path) -> None:
    ran = place / "ran"
    shutil.copytree(place / "whole", place / "coded")
    (place / "coded/evil.py").write_text(
        f"from pathlib import Path\nPath({str(ran)!r}).touch()\ndef twice(x):\n    return x.flatten(1)\n"
    )
    record = read_json(place / "coded/report.json")
    record["budget"]["features"] = f"{place}/coded/evil.py:twice"
    write_json(place / "coded/report.json", record)
    said = refused(*comparison, place / "coded")
    assert f"--features {place}/coded/evil.py:twice" in said
    assert not ran.exists()
    assert call(*comparison, place / "coded", "--features", f"{place}/coded/evil.py:twice").code == 0
    assert ran.exists()


def test_a_comparison_goes_on_where_it_was_moved(comparison: tuple[str, ...], place: Path) -> None:
    shutil.copytree(place / "whole", place / "before")
    record = read_json(place / "before/report.json")
    for row in record["rows"]:
        row["run"] = f"/gone/runs/{row['name']}"
    write_json(place / "before/report.json", record)
    said = call(*comparison, place / "before", "--json")
    assert said.code == 0, said.err
    assert [row["run"] for row in json.loads(said.out)["rows"]] == [
        str(place / "before/runs" / name) for name in ("vae", "gan")
    ]


@pytest.mark.parametrize("words", [("sample", "-n", 4), ("reconstruct", "-n", 4), ("score", "-n", 20)])
def test_nothing_is_written_through_a_link(run: Any, tmp_path: Path, words: tuple[object, ...]) -> None:
    (tmp_path / "own").mkdir()
    (run("vae") / "samples").symlink_to(tmp_path / "own")
    verb, *more = words
    assert "samples is a link" in refused(verb, tmp_path / "vae", *more)
    assert not any((tmp_path / "own").iterdir())
