"""The page of one run."""

from __future__ import annotations

from pathlib import Path

from genlab.comparison.media import Media
from genlab.comparison.rows import Row
from genlab.report import runs
from tests.report import fakes
from tests.report.fakes import DIGITS, bits
from tests.report.test_report import Page


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
        tmp_path,
        head,
        Media(fakes.samples(DIGITS, 9), 3, fakes.curve("vae")),
        Row("vae", "", str(tmp_path), likelihood=bits(2.41), parameters=5000),
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
    assert "Not scored yet" not in page.text
    assert len(page.all("svg")) == 2
    bare = Page(runs.write(tmp_path, head, Media(), Row("vae", "", str(tmp_path))).read_text(encoding="utf-8"))
    assert "Likelihood" not in bare.text, "what was not measured is not mentioned"


def test_curves_stand_beside_the_samples_of_a_run_without_scores(tmp_path: Path) -> None:
    head = {"recipe": {"name": "vae"}, "space": DIGITS.to_json(), "given": {}, "data": {"name": "digits"}}
    own = Media(fakes.samples(DIGITS, 9), 0, fakes.curve("vae"))
    text = runs.write(tmp_path, head, own, Row("vae", "", str(tmp_path))).read_text(encoding="utf-8")
    beside = text[text.index('<div class="body">') : text.index('id="read"')]
    assert beside.count('class="curve"') == 2
    assert f"genlab score {tmp_path}" in beside
    assert 'id="curves"' not in text
