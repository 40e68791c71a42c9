"""The page holds every number, reads without a network, and survives whatever names and gaps it meets."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from genlab import report
from genlab.comparison.media import REAL, Media, Neighbour
from genlab.comparison.rows import Baseline, DataSummary, Load, Record, Row, Skipped, Terms
from genlab.core.space import Space
from genlab.measure.alarms import Alarm, Checkup
from genlab.recipes.index import MODELS
from tests.report import fakes
from tests.report.fakes import COLOUR, DIGITS, LINES, POINTS, TEXT, bits, distance, four, media, nats, record, row, score

VOID = {"meta", "link", "img", "br", "hr", "input"}


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


def written(folder: Path, rows: list[Row], space: Any = DIGITS, shown: dict[str, Media] | None = None, **data: Any) -> Page:
    return page_of(folder, record(rows, space, **data), media(rows, space) if shown is None else shown)


def page_of(folder: Path, said: Record, shown: dict[str, Media]) -> Page:
    return Page(report.write(folder / "report.html", said, shown).read_text(encoding="utf-8"))


def test_every_model_and_number_is_on_the_page(tmp_path: Path) -> None:
    page = written(tmp_path, four())
    for model in four():
        assert model.name in page.text
        entry = next(entry for entry in MODELS if entry.name == model.name)
        assert entry.idea[1:] in page.text
        assert entry.paper in page.text
        assert f"genlab sample {model.run} -n 20 --seed 7" in page.text
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


def test_a_record_with_everything_shows_everything(tmp_path: Path) -> None:
    said = fakes.everything()
    page = page_of(tmp_path, said, fakes.all_media(said))
    heads = [attrs["id"] for _, attrs in page.elements if _ == "h2" and "id" in attrs]
    assert heads == ["which", "samples", "why", "numbers", "course", "beside", "nearest", "alarms", "models"]
    for words in (
        "ddpm and flow-matching are too close to call",
        "… but 12% of gan's samples are copies of training examples.",
        "gan varies too much between runs to be placed.",
        "Turns of 2% of the budget each, all models of a seed in turn.",
        "real data",
        "each pixel drawn independently from the values it has in the data",
        "Seconds of training",
        "a copy: 30% of the distance to the nearest test example",
        "Collapse gan, seed 0, after 40% of its training, 12 s",
        "What to try.",
        "Not measured, fewer samples than dimensions",
        "features: hash 1f3a",
        "431 MB",
        "Seed 1: load of the machine 2.9, at most 3.2",
        "genlab sample compare/ddpm-0 -n 20 --seed 7",
    ):
        assert words in page.text, words
    assert any(str(drawing["aria-label"]).startswith("recall: 0.4") for drawing in page.all("svg")), "what the alarm points at"
    for each in said.rows:
        for name in each.scores:
            assert name[:1].upper() + name[1:] in page.text, name


def test_a_record_with_almost_nothing_is_a_page(tmp_path: Path) -> None:
    bare = Record(DataSummary("digits", "", "", DIGITS), Terms("", 0), (Row("a", "", ""), Row("b", "", "")))
    page = page_of(tmp_path, bare, {})
    assert "2 models, the same splits." in page.text
    assert len(page.all("article")) == 2


def test_every_number_opens_what_it_names(tmp_path: Path) -> None:
    said = fakes.everything()
    page = page_of(tmp_path, said, {})
    opened = [attrs["id"] for attrs in page.all("div") if "popover" in attrs]
    assert opened == [attrs["popovertarget"] for attrs in page.all("button") if "popovertarget" in attrs]
    assert len(opened) > 100


def test_what_is_not_finite_is_named_on_the_page(tmp_path: Path) -> None:
    models = [row("vae", bits(float("nan")), distance(float("inf"))), row("gan")]
    page = written(tmp_path, models)
    assert page.text.count("not finite") >= 4


@pytest.mark.parametrize("space", [DIGITS, COLOUR, POINTS, TEXT, LINES], ids=["digits", "colour", "points", "text", "lines"])
def test_nothing_is_fetched(tmp_path: Path, space: Any) -> None:
    said = fakes.everything(1, space)
    shown = dict(list(fakes.all_media(said, space).items())[:3])
    text = report.write(tmp_path / "report.html", said, shown).read_text(encoding="utf-8")
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


@pytest.mark.parametrize("said", [record(four()), fakes.everything()], ids=["old", "everything"])
def test_it_can_be_read_without_seeing_it(tmp_path: Path, said: Record) -> None:
    page = page_of(tmp_path, said, fakes.all_media(said) if said.baselines else media(four()))
    assert page.all("html")[0]["lang"] == "en"
    assert all(image.get("alt") and image.get("width") and image.get("height") for image in page.all("img"))
    assert all(drawing.get("aria-label") for drawing in page.all("svg"))
    assert len(page.all("caption")) == len(page.all("table")) == 1
    assert all(head.get("scope") in ("col", "colgroup", "row") for head in page.all("th"))
    identities = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(identities) == len(set(identities))
    targets = {str(attrs["href"])[1:] for attrs in page.all("a")} | {
        str(attrs["aria-labelledby"]) for _, attrs in page.elements if "aria-labelledby" in attrs
    }
    assert targets <= set(identities)
    assert [tag for tag, _ in page.elements].count("h1") == 1


HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}"


def test_hostile_names_are_only_text(tmp_path: Path) -> None:
    scores = [{HOSTILE: score(value, unit=HOSTILE, protocol={HOSTILE: HOSTILE})} for value in (1.0, 2.0, 2.0)]
    checks = tuple(Checkup(place / 2, float(place), 64, 64, scores[0]) for place in (1, 2))
    more = {"checkups": checks, "alarms": (Alarm(HOSTILE, 0.5, 1.0, HOSTILE, HOSTILE, HOSTILE),), "family": HOSTILE}
    cost = bits(1.0, how=HOSTILE, given=(HOSTILE,), note=HOSTILE)
    first = row(HOSTILE, cost, scores[0], **more, run=HOSTILE, error=HOSTILE, load=Load(1.0, 1.0), stopped=True)
    models = [first, *(row(f"{HOSTILE}{i}", None, scores[i], **more) for i in (1, 2))]
    triple = [Neighbour(HOSTILE, HOSTILE, HOSTILE, 0.5, True)]
    shown = {HOSTILE: Media([HOSTILE], 0, [(1.0, HOSTILE, 1.0)], HOSTILE, triple), REAL: Media([HOSTILE])}
    baselines = [Baseline(HOSTILE, HOSTILE, scores[0])]
    said = record(models, TEXT, baselines, name=HOSTILE, skipped=(Skipped(HOSTILE, HOSTILE),))
    said = replace(said, command=HOSTILE, machine=HOSTILE, versions={HOSTILE: HOSTILE}, written=HOSTILE)
    said = replace(said, budget=replace(said.budget, order=HOSTILE, features=HOSTILE))
    text = report.write(tmp_path / "report.html", said, shown).read_text(encoding="utf-8")
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
    assert len(page.all("img")) == 2, "the real pictures, as two halves of a row"


def test_several_seeds_of_which_one_failed_stay_in_line(tmp_path: Path) -> None:
    models = [row("vae", None, distance(value), seed=i, run=f"vae-{i}") for i, value in enumerate((None, 6.0, 7.0))]
    page = written(tmp_path, models)
    assert "seed 1 6.00" in page.text
    assert "seed 2 7.00" in page.text
    assert "seed 0 6.00" not in page.text


def test_the_table_knows_what_noise_scores(tmp_path: Path) -> None:
    rows = [row("vae", None, distance(0.2)), row("gan", None, distance(0.5))]
    page = page_of(tmp_path, record(rows, baselines=[Baseline("noise", "worthless pixels", distance(0.4))]), {})
    assert "worthless pixels" in page.text
    assert "gan is no better than noise by Fréchet distance (0.400)." in page.text


def test_a_picture_that_is_none_leaves_its_place_empty(tmp_path: Path) -> None:
    said = fakes.everything(1)
    shown = {"compare/gan-0": Media(None, alarms={"collapse": b"no picture"})}
    page = page_of(tmp_path, said, shown)
    assert page.all("img") == []
    assert "Collapse" in page.text


def test_one_model_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    page = written(tmp_path, four()[:1])
    assert "One model: nothing to compare it with." in page.text
    assert "Lowest" not in page.text


def test_models_that_are_not_separated_are_not_said_to_be_between_others(tmp_path: Path) -> None:
    rows = [row(name, bits(2.0, error=0.5), distance(value), None) for name, value in (("a", 1.0), ("b", 1.0))]
    page = written(tmp_path, rows)
    assert page.text.count("Neither best nor worst beyond chance in the leading numbers") == 2


def test_a_model_that_stopped_keeps_the_others(tmp_path: Path) -> None:
    broken = Row("ddpm", "diffusion", "compare/ddpm", error="out of memory after 12 s")
    page = written(tmp_path, [*four()[:2], broken])
    assert "out of memory after 12 s" in page.text
    assert "(seed 0)" not in page.text, "it had no other"
    assert "genlab sample compare/ddpm" not in page.text


def test_one_seed_that_stopped_does_not_hide_the_others(tmp_path: Path) -> None:
    broken = row("vae", None, {}, None, seed=0, run="vae-0", error="out of memory", train_seconds=None)
    page = written(
        tmp_path, [broken, row("vae", bits(2.0), distance(1.0), seed=1, run="vae-1"), row("gan", None, distance(2.0))]
    )
    assert "out of memory (seed 0)" in page.text
    assert "2 seeds, 1 not finished" in page.text
    assert "genlab sample vae-1" in page.text
    assert "not defined for this model" in page.text, "of gan"
    assert page.text.count("Training 30 s 52,800 examples seen") == 2, "on both cards"


def test_few_samples_stand_under_those_of_others(tmp_path: Path) -> None:
    shown = {"compare/vae": Media(fakes.samples(DIGITS, 3)), "compare/gan": Media(fakes.samples(DIGITS, 8))}
    page = written(tmp_path, [row("vae"), row("gan")], DIGITS, shown)
    rows = [image["width"] for image in page.all("img") if image["height"] == "64"]
    assert rows.count(str(8 * 68 - 4)) == 2, "three stand as wide apart as eight"


def test_sound_is_drawn(tmp_path: Path) -> None:
    sound = Space((1, 8), "CT", "real", rate=8000.0)
    page = written(tmp_path, [row("vae", None, distance(1.0)), row("gan", None, distance(2.0))], sound)
    assert {"4 recordings of the real data", "4 recordings of vae"} <= {image["alt"] for image in page.all("img")}
    assert "No likelihood" in page.text


@pytest.mark.parametrize(
    ("rate", "length", "factor", "heard"), [(8000.0, 4000, 1, 4), (800.0, 80, 5, 4), (8000.0, 72_000, 1, 3)]
)
def test_sound_is_heard(tmp_path: Path, rate: float, length: int, factor: int, heard: int) -> None:
    """A WAV file inside the page: the recordings in order, half a minute at most, at a rate that browsers play."""
    sound = Space((1, length), "CT", "real", rate=rate)
    x = np.random.default_rng(0).uniform(-1, 1, (4, 1, length)).astype(np.float32)
    page = written(tmp_path, [row("vae")], sound, {"compare/vae": Media(x), REAL: Media(x)})
    players = page.all("audio")
    assert len(players) == 3, "of the real data, beside them, and on the model's own card"
    assert players[1]["aria-label"] == "4 recordings of vae, one after the other"
    kind, _, content = str(players[1]["src"]).partition(",")
    assert kind == "data:audio/wav;base64"
    played, speed = soundfile.read(io.BytesIO(base64.b64decode(content)))
    assert speed == rate * factor
    pause = np.zeros(int(speed / 4))
    expected = np.concatenate([part for one in x[:heard, 0] for part in (one.repeat(factor), pause)][:-1])
    np.testing.assert_allclose(played, expected, atol=2**-14)
    policy = next(attrs["content"] for attrs in page.all("meta") if attrs.get("http-equiv") == "Content-Security-Policy")
    assert "media-src data:" in str(policy)


def test_texts_are_shown_as_they_are(tmp_path: Path) -> None:
    models = [row("ngram", nats(1.72, "nats_per_character"))]
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
    skipped = tuple(Skipped(f"cats/{i}.jpg", "image file is truncated") for i in range(250))
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
        report.write(tmp_path / "report.html", record(four()), {})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
