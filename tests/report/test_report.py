"""The page holds every number, reads without a network, and survives whatever names and gaps it meets."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genlab import report
from genlab.recipes.index import MODELS
from genlab.report import REAL, Media, runs
from tests.report import fakes
from tests.report.fakes import COLOUR, DIGITS, LINES, POINTS, TEXT, bits, distance, four, media, record, row

VOID = {"meta", "link", "img", "br", "hr", "input"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page(HTMLParser):
    """Elements, text and whether every tag is closed in order."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


def written(
    folder: Path, models: list[dict[str, Any]], space: Any = DIGITS, shown: dict[str, Media] | None = None, **data: Any
) -> Page:
    path = report.write(folder, record(models, space, **data), media(models, space) if shown is None else shown)
    return Page(path.read_text(encoding="utf-8"))


def test_every_model_and_number_is_on_the_page(tmp_path: Path) -> None:
    page = written(tmp_path, four())
    for model in four():
        assert model["name"] in page.text
        entry = next(entry for entry in MODELS if entry.name == model["name"])
        assert entry.idea[1:] in page.text
        assert entry.paper in page.text
        assert f"genlab sample {model['run']} -n 20 --seed 7" in page.text
    for number in (
        "≤ 2.41",
        "1.86",
        "≤ 2.05",
        "9.31",
        "3.42",
        "5.77",
        "2.31",
        "12 ms",
        "1.7 s",
        "4.2 ms",
        "3.9 s",
        "1.23 M",
        "52,800",
    ):
        assert number in page.text, number
    for words in (
        "genlab compare digits --seconds 30",
        "1,437 train",
        "10 classes",
        "2 cores, no GPU",
        "torch 2.13.0",
        "uncurated, seed 7",
    ):
        assert words in page.text, words
    assert "features classifier" in page.text, "the protocol can be read without a mouse"
    assert page.text.count("none") >= 2, "a model without a likelihood says so in the table and on its card"


def test_the_json_is_the_record(tmp_path: Path) -> None:
    said = record(four())
    report.write(tmp_path, said, {})
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == json.loads(json.dumps(said))


def test_what_is_not_finite_is_null_in_the_json_and_named_on_the_page(tmp_path: Path) -> None:
    models = [row("vae", bits(float("nan")), distance(float("inf"))), row("gan")]
    page = written(tmp_path, models)
    saved = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert saved["models"][0]["likelihood"]["bits_per_dim"] is None
    assert saved["models"][0]["scores"]["Fréchet distance"]["value"] is None
    assert page.text.count("not finite") >= 4


@pytest.mark.parametrize("space", [DIGITS, COLOUR, POINTS, TEXT, LINES], ids=["digits", "colour", "points", "text", "lines"])
def test_nothing_is_fetched(tmp_path: Path, space: Any) -> None:
    path = report.write(tmp_path, record(four(), space), media(four(), space))
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    for _, attrs in page.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster", "background"):
            target = attrs.get(name)
            assert not target or target.startswith(("data:", "#")), f"{name}={target[:80]}"
    bare = re.sub(r"data:[^\"']*", "", text)
    assert not re.search(
        r"(?i)https?:|//[a-z]|@import|url\(|fetch\(|XMLHttpRequest|WebSocket", re.sub(r"(?m)^// .*$", "", bare)
    )
    policy = next(attrs["content"] for attrs in page.all("meta") if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy
    assert "default-src 'none'" in policy


def test_it_can_be_read_without_seeing_it(tmp_path: Path) -> None:
    page = written(tmp_path, four())
    assert page.all("html")[0]["lang"] == "en"
    assert all(image.get("alt") and image.get("width") and image.get("height") for image in page.all("img"))
    assert all(drawing.get("aria-label") for drawing in page.all("svg"))
    assert len(page.all("caption")) == len(page.all("table")) == 1
    assert all(head.get("scope") in ("col", "row") for head in page.all("th"))
    identities = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(identities) == len(set(identities))
    targets = {str(attrs["href"])[1:] for attrs in page.all("a")} | {
        str(attrs["aria-labelledby"]) for _, attrs in page.elements if "aria-labelledby" in attrs
    }
    assert targets <= set(identities)
    assert [tag for tag, _ in page.elements].count("h1") == 1


HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}"


def test_hostile_names_are_only_text(tmp_path: Path) -> None:
    models = [
        row(
            HOSTILE,
            {"nats": 1.0, "claim": HOSTILE, "how": HOSTILE, "note": HOSTILE},
            {HOSTILE: {"value": 1.0, "protocol": HOSTILE, "better": "lower"}},
        ),
        *[row(f"{HOSTILE}{i}", None, {HOSTILE: {"value": 2.0, "protocol": HOSTILE, "better": "lower"}}) for i in range(2)],
    ]
    models[0] |= {"family": HOSTILE, "run": HOSTILE, "error": HOSTILE}
    shown = {HOSTILE: Media([HOSTILE], 0, [(1.0, HOSTILE, 1.0)], HOSTILE), REAL: Media([HOSTILE])}
    said = record(models, TEXT, name=HOSTILE, skipped=[{"path": HOSTILE, "reason": HOSTILE}])
    said |= {"command": HOSTILE, "machine": HOSTILE, "versions": {HOSTILE: HOSTILE}, "written": HOSTILE}
    text = report.write(tmp_path, said, shown).read_text(encoding="utf-8")
    page = Page(text)
    assert len(page.all("script")) == 1
    assert "<script>alert" not in text
    assert "{{7*7}}" in page.text, "templates are not run on what they show"


def test_several_seeds_are_rows_of_the_table_and_one_card(tmp_path: Path) -> None:
    models = [row("vae", None, distance(value, seed=i), seed=i, run=f"vae-{i}") for i, value in enumerate((4.0, 6.0))]
    models += [row("gan", None, distance(value, seed=i), seed=i, run=f"gan-{i}") for i, value in enumerate((1.0, 2.0))]
    page = written(tmp_path, models)
    assert len(page.all("article")) == 2
    assert "seed 0" in page.text
    assert "seed 1" in page.text
    assert "4.00 to 6.00" in page.text
    assert "Means over 2 seeds." in page.text


def test_before_the_first_model_is_done_there_is_a_page(tmp_path: Path) -> None:
    page = written(tmp_path, [])
    assert "No model has been measured yet." in page.text
    assert len(page.all("img")) == 2, "the real pictures, in a row and as a grid"


def test_what_real_data_score_stands_in_the_head(tmp_path: Path) -> None:
    models = [
        row(name, None, distance(value, **{"train examples themselves": 0.0175}))
        for name, value in (("vae", 9.0), ("gan", 3.0))
    ]
    assert "lower is better; real data 0.0175" in written(tmp_path, models).text


def test_what_noise_scores_stands_there_too_and_who_is_no_better_is_named(tmp_path: Path) -> None:
    values = {"vae": 0.2, "gan": 0.5, "ddpm": 0.4}
    models = [row(name, None, distance(value, **{"pixels drawn independently": 0.4})) for name, value in values.items()]
    text = written(tmp_path, models).text
    assert "lower is better; pixels drawn independently 0.400" in text
    assert "ddpm and gan are no nearer to the data than pixels drawn independently (0.400)" in text
    better = [row(name, None, distance(0.1, **{"pixels drawn independently": 0.4})) for name in values]
    assert "no nearer" not in written(tmp_path, better).text


def test_one_model_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    page = written(tmp_path, four()[:1])
    assert "One model: nothing to compare it with." in page.text
    assert "Lowest" not in page.text


def test_a_model_that_stopped_keeps_the_others(tmp_path: Path) -> None:
    broken = row("ddpm", None, {}, None, error="out of memory after 12 s") | {
        "parameters": None,
        "train_seconds": None,
        "examples_seen": None,
    }
    page = written(tmp_path, [*four()[:2], broken])
    assert "out of memory after 12 s" in page.text
    assert "genlab sample compare/ddpm" not in page.text


def test_texts_are_shown_as_they_are(tmp_path: Path) -> None:
    models = [row("ngram", {"nats_per_character": 1.72, "claim": "exact", "how": "chain rule"})]
    page = written(tmp_path, models, TEXT, {"compare/ngram": Media(["To be,\n  or not"]), REAL: Media(["That is"])})
    assert "To be,\n  or not" in page.words
    assert "1.72" in page.text
    assert page.all("img") == []


def test_without_media_the_numbers_stay(tmp_path: Path) -> None:
    page = written(tmp_path, four(), DIGITS, {})
    assert page.all("img") == []
    assert "2.31" in page.text


def test_points_beyond_the_frame_are_counted(tmp_path: Path) -> None:
    real = fakes.samples(POINTS, 300)
    stray = np.concatenate([real[:97], [[1e3, 0], [0, 1e3], [np.nan, 0]]])
    page = written(tmp_path, [row("gan")], POINTS, {"compare/gan": Media(stray), REAL: Media(real)})
    assert re.search(r"[3-5] of 100 points lie beyond the frame", page.text)


def test_skipped_files_are_named(tmp_path: Path) -> None:
    skipped = [{"path": f"cats/{i}.jpg", "reason": "image file is truncated"} for i in range(250)]
    page = written(tmp_path, four(), skipped=skipped)
    assert "250 files could not be read" in page.text
    assert "cats/199.jpg" in page.text
    assert "and 50 more" in page.text


def test_what_cannot_be_written_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, four())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    whole = Path.write_text

    def full(self: Path, text: str, **options: Any) -> int:
        if "report.html" in self.name:
            whole(self, text[:100], **options)
            raise OSError(28, "No space left on device")
        return whole(self, text, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        report.write(tmp_path, record(four()), {})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_page_that_cannot_be_made_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        report.write(tmp_path / "new", {"data": record([])["data"]}, {})
    assert not (tmp_path / "new").exists()


def test_the_page_of_a_run(tmp_path: Path) -> None:
    recipe = {
        "name": "vae",
        "model": {"latent": 16},
        "budget": {"steps": None, "seconds": 30.0},
        "optim": {"rate": 0.001},
        "seed": 0,
        "paper": "",
    }
    head = {"genlab": "0.1.0", "recipe": recipe, "space": DIGITS.to_json(), "given": {}, "data": {"name": "digits"}}
    path = runs.write(
        tmp_path, head, Media(fakes.samples(DIGITS, 9), 3, fakes.curve("vae")), {"likelihood": bits(2.41), "parameters": 5000}
    )
    page = Page(path.read_text(encoding="utf-8"))
    for words in (
        "vae on digits",
        "model.latent",
        "16",
        "budget.seconds",
        "optim.rate",
        "≤ 2.41",
        "5,000",
        "seed 3",
        f"genlab sample {tmp_path}",
    ):
        assert words in page.text, words
    assert "budget.steps" not in page.text
    assert len(page.all("svg")) == 2
    bare = Page(runs.write(tmp_path, head, Media()).read_text(encoding="utf-8"))
    assert "Likelihood" not in bare.text, "what was not measured is not mentioned"


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_in_a_browser_columns_sort_and_nothing_overflows(tmp_path: Path) -> None:
    vae, pixelcnn, gan, ddpm = four()
    path = report.write(tmp_path, record([gan, vae, pixelcnn, ddpm]), media(four()))
    probe = """<script>
    const order = () => [...document.querySelectorAll("tbody tr")].map((row) => row.cells[0].innerText.trim()).join(" ");
    const heads = document.querySelectorAll("th button"), seen = [];
    for (const click of [1, 1, 2, 3, 0]) { heads[click].click(); seen.push(order()); }
    const spill = document.documentElement.scrollWidth - innerWidth;
    document.title = JSON.stringify({seen, sort: heads[0].closest("th").ariaSort, spill});
    </script></body>"""
    path.write_text(path.read_text(encoding="utf-8").replace("</body>", probe), encoding="utf-8")
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--window-size=500,900",
    ]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    done = subprocess.run(
        [str(CHROMIUM), *flags, profile, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=60
    )
    found = re.search(r"<title>(.*?)</title>", done.stdout)
    assert found, done.stderr[-2000:]
    said = json.loads(found.group(1))
    assert said["seen"] == [
        "ddpm vae pixelcnn gan",  # bounds, then the exact one, then none: groups stay together
        "pixelcnn vae ddpm gan",
        "ddpm pixelcnn gan vae",
        "gan vae pixelcnn ddpm",
        "ddpm gan pixelcnn vae",
    ]
    assert said["sort"] == "ascending"
    assert said["spill"] <= 0
