"""The report in a real browser: nothing fails to load, the table sorts, a number opens, nothing spills over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from genlab import report
from tests.report import fakes
from tests.report.browser import CHROMIUM, Tab, browser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
NAMES = '[...document.querySelectorAll("tbody tr")].map((row) => row.cells[0].dataset.order.replace(" ", "-")).join(" ")'


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    said, bare = fakes.everything(), fakes.record([])
    made = {
        "everything": (said, fakes.all_media(said)),
        "old": (fakes.record(fakes.four()), fakes.media(fakes.four())),
        "nothing": (bare, {}),
    }
    return {name: report.write(tmp_path_factory.mktemp(name) / "report.html", *parts) for name, parts in made.items()}


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def order(tab: Tab, title: str) -> tuple[str, str]:
    """Click a column's head: the models in the order they stand in then, and how the head says it is sorted."""
    place = f'[...document.querySelectorAll("th[data-column]")].find((head) => head.innerText.startsWith("{title}"))'
    tab.run(f'document.querySelectorAll("th").forEach((e) => e.removeAttribute("id")); {place}.id = "asked"')
    tab.click("#asked button")
    return tab.run(NAMES), tab.run('document.getElementById("asked").ariaSort')


@pytest.mark.parametrize("name", ["everything", "old", "nothing"])
@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_fails_and_nothing_spills(tab: Tab, pages: dict[str, Path], name: str, width: int, dark: bool) -> None:
    tab.open(pages[name], width, dark=dark)
    assert tab.said == []
    assert [address for address in tab.asked if not address.startswith("data:")] == [pages[name].as_uri()]
    assert tab.run("document.documentElement.scrollWidth") <= width
    colour = tab.run("getComputedStyle(document.body).backgroundColor")
    assert colour == ("rgb(19, 19, 18)" if dark else "rgb(250, 249, 246)")
    assert tab.run("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")


def test_with_every_number_shown_the_page_still_does_not_spill(tab: Tab, pages: dict[str, Path]) -> None:
    tab.open(pages["everything"], 390)
    shown = '[...document.querySelectorAll("thead tr:last-child th")].filter((head) => head.offsetWidth).length'
    spanned = '[...document.querySelectorAll(".groups th")].filter((h) => h.offsetWidth).reduce((n, h) => n + h.colSpan, 0)'
    few = tab.run(shown)
    assert tab.run(spanned) == few + 1, "the groups' heads span the columns that are shown"
    tab.click("label[for=every]")
    assert tab.run(shown) > few + 10
    assert tab.run("document.documentElement.scrollWidth") <= 390
    assert tab.run(spanned) == tab.run(shown) + 1


def test_a_column_sorts_best_first_then_the_other_way_and_gaps_stay_last(tab: Tab, pages: dict[str, Path]) -> None:
    tab.open(pages["everything"])
    falling = "real-data ddpm flow-matching pixelcnn gan vae noise"
    assert order(tab, "Fréchet distance") == (falling, "ascending")
    assert order(tab, "Fréchet distance") == (" ".join(falling.split()[::-1]), "descending")
    names, sort = order(tab, "Recall")
    assert (names.split()[0], sort) == ("real-data", "descending"), "higher is better: the highest first"
    assert order(tab, "Likelihood")[0].startswith("ddpm vae flow-matching pixelcnn"), "claims stay together"
    assert order(tab, "Likelihood")[0].startswith("pixelcnn flow-matching vae ddpm"), "without one they stay last"
    assert order(tab, "Model")[0].startswith("ddpm flow-matching gan noise pixelcnn")


def test_a_number_opens_its_protocol_and_closes(tab: Tab, pages: dict[str, Path]) -> None:
    for width in (390, 1400):
        tab.open(pages["everything"], width)
        number = "tbody tr:first-child td:nth-of-type(2) button"
        tab.click(number)
        opened = '[...document.querySelectorAll("[popover]")].filter((each) => each.matches(":popover-open"))'
        assert tab.run(f"{opened}.length") == 1
        text = tab.run(f"{opened}[0].innerText")
        for words in ("Fréchet distance (classifier features)", "2.31", "95% interval", "seed 1", "features: hash", "2,000"):
            assert words in text, words
        left, top, right, bottom = tab.run(f"r = {opened}[0].getBoundingClientRect(); [r.left, r.top, r.right, r.bottom]")
        assert left >= 0
        assert top >= 0
        assert right <= width
        assert bottom <= 900
        middle = tab.run(f"r = document.querySelector({json.dumps(number)}).getBoundingClientRect(); r.left + r.width / 2")
        assert left < middle < right, "beside the number"
        if width == 1400:
            assert abs(right - tab.run(f"document.querySelector({json.dumps(number)}).getBoundingClientRect().right")) < 2
        tab.click("h1")
        assert tab.run(f"{opened}.length") == 0


def test_the_drawings_hold_text_that_can_be_selected(tab: Tab, pages: dict[str, Path]) -> None:
    tab.open(pages["everything"], 1400)
    assert tab.run('getSelection().selectAllChildren(document.querySelector(".timeline.broad")); getSelection().toString()')
    assert tab.run('getComputedStyle(document.querySelector(".timeline.slim")).display') == "none"
    tab.open(pages["everything"], 390)
    assert tab.run('getComputedStyle(document.querySelector(".timeline.broad")).display') == "none"
