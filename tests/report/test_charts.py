"""The drawings place every model where its numbers say, and names do not lie on one another."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from genlab.comparison.courses import Course, courses_of
from genlab.comparison.ranking import SPEED, Group, grouped
from genlab.measure.chance import Value
from genlab.report.forest import MOST, forest
from genlab.report.plane import beside_likelihood, beside_speed
from genlab.report.timeline import band, spaced_out, timelines
from tests.comparison.test_courses import checked
from tests.report.fakes import bits, distance, everything, four, nats, row, score

SVG = ElementTree.Element


def drawn(text: str) -> SVG:
    root = ElementTree.fromstring(text)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"]
    return root


def texts(root: SVG, kind: str) -> list[str]:
    return [element.text or "" for element in root.iter("text") if kind in element.attrib["class"].split()]


def dots(root: SVG) -> list[tuple[float, float]]:
    """From the top down."""
    found = [(float(element.attrib["cx"]), float(element.attrib["cy"])) for element in root.iter("circle")]
    return sorted(found, key=lambda place: place[1])


def test_quality_is_placed_beside_the_time_to_sample() -> None:
    root = drawn(beside_speed(grouped(four()), {"vae": 0, "gan": 1}))
    assert texts(root, "plane-name") == ["vae", "gan", "pixelcnn", "ddpm"], "nearer to the data is lower"
    across = {name: x for name, (x, _) in zip(texts(root, "plane-name"), dots(root), strict=True)}
    assert sorted(across, key=lambda name: across[name]) == ["gan", "vae", "pixelcnn", "ddpm"], "faster is to the left"


def test_quality_is_placed_beside_the_likelihood_and_none_is_left_out() -> None:
    root = drawn(beside_likelihood(grouped(four()), {}))
    across = {name: x for name, (x, _) in zip(texts(root, "plane-name"), dots(root), strict=True)}
    assert sorted(across, key=lambda name: across[name]) == ["pixelcnn", "ddpm", "vae", "gan"]
    assert "no likelihood" in texts(root, "plane-tick")
    kinds = [element.attrib["class"] for element in root.iter("circle")]
    assert (kinds.count("plane-ring"), kinds.count("plane-dot")) == (2, 2), "bounds are rings, exact ones and none are dots"
    assert sum(path.attrib["class"] == "plane-arrow" for path in root.iter("path")) == 2


def test_a_likelihood_in_another_unit_is_not_drawn_on_the_same_axis() -> None:
    rows = [*four()[:2], row("gan", nats(500.0), distance(4.0)), four()[3]]
    root = drawn(beside_likelihood(grouped(rows), {}))
    assert "no likelihood" in texts(root, "plane-tick")
    assert "500" not in texts(root, "plane-tick")


def test_names_in_the_plane_do_not_lie_on_one_another() -> None:
    rows = [row(name, None, {"distance": score(2.0 + 0.001 * len(name))}, 1.0) for name in ("vae", "pixelcnn", "gan", "ddpm")]
    root = drawn(beside_speed(grouped(rows), {}))
    heights = sorted(float(e.attrib["y"]) for e in root.iter("text") if e.attrib["class"] == "plane-name")
    assert min(np.diff(heights)) >= 15


def test_a_plane_needs_three_models_with_a_ranked_score() -> None:
    for draw in (beside_speed, beside_likelihood):
        assert draw(grouped(four()[:2]), {}) == ""
        assert draw(grouped([replace(model, scores={}) for model in four()]), {}) == ""
    without = [replace(model, likelihood=None) for model in four()]
    assert beside_likelihood(grouped(without), {}) == ""


def test_a_forest_has_a_line_for_each_model_in_order() -> None:
    group = Group("d", "", "", "lower", (Value("a", [1.0, 2.0]), Value("b", [4.0], [(3.0, 5.0)])))
    root = drawn(forest(group, {}, {"noise": 4.5, "real data": -99.0}))
    assert texts(root, "forest-name") == ["a", "b"]
    assert texts(root, "forest-number") == ["1.50", "4.00"]
    assert texts(root, "forest-tick-name") == ["noise"], "what lies beyond the picture is not drawn"
    (a, _), (b, _) = dots(root)
    bars = [path.attrib["d"] for path in root.iter("path") if path.attrib["class"] == "forest-bar"]
    ends = [[float(part) for part in bar.replace("M", "").replace("H", " ").split()] for bar in bars]
    scale = (b - a) / 2.5
    assert [end[0] - a for end in ends] == pytest.approx([-0.5 * scale, 1.5 * scale], abs=0.2)
    assert [end[-1] - a for end in ends] == pytest.approx([0.5 * scale, 3.5 * scale], abs=0.2)
    assert sum(path.attrib["class"] == "forest-tick" for path in root.iter("path")) == 2, "two seeds, two ticks"


def test_a_forest_of_times_is_logarithmic_and_of_bounded_height() -> None:
    group = grouped([row(f"m{i}", seconds=10.0**i) for i in range(20)])[0]
    assert group.title == SPEED
    root = drawn(forest(group, {}))
    assert len(dots(root)) == MOST
    assert np.diff([x for x, _ in dots(root)]) == pytest.approx(dots(root)[1][0] - dots(root)[0][0], abs=0.2)


def test_timelines_come_in_two_sizes_with_every_model() -> None:
    broad, slim = (drawn(text) for text in timelines(courses_of(everything().rows), {}))
    for root in (broad, slim):
        assert sorted(texts(root, "named")) == ["ddpm", "flow-matching", "gan", "pixelcnn", "vae"]
        kinds = [path.attrib["class"] for path in root.iter("path")]
        assert [kinds.count(f"timeline-{kind}") for kind in ("band", "mean", "seed")] == [5, 5, 10]
        width = float(root.attrib["viewBox"].split()[2])
        assert all(x < width for x, _ in dots(root))
    assert timelines(None, {}) == []


def test_a_band_is_the_mean_and_the_reach_of_its_runs() -> None:
    found = courses_of([checked("a", [4.0, 2.0], half=0.5), checked("a", [6.0, 4.0], half=0.5)])
    assert found is not None
    made = band(found.of("a"))
    assert (made.seconds[0], made.seconds[-1]) == (10.0, 20.0)
    assert (made.mean[0], made.mean[-1]) == (5.0, 3.0)
    assert (made.low[0], made.high[0]) == (3.5, 6.5)
    longer = courses_of([checked("a", [4.0, 2.0, 1.0]), checked("a", [6.0, 4.0])])
    assert longer is not None
    assert band(longer.of("a")).seconds[-1] == 20.0, "as far as all of them came"
    alone: list[Course] = found.of("a")[:1]
    assert list(band(alone).mean) == [4.0, 2.0]


def test_a_line_ends_where_the_last_check_up_was() -> None:
    rows = [checked("a", [4.0, 2.0]), checked("b", [4.0, 3.0, 2.5])]
    root = drawn(timelines(courses_of(rows), {})[0])
    assert "timeline-seed" not in {path.attrib["class"] for path in root.iter("path")}, "one seed needs no thin line"
    (b, upper), (a, lower) = dots(root)
    assert b > a, "b trained for longer"
    assert lower > upper, "a ended better, which is lower"


@pytest.mark.parametrize(
    ("positions", "expected"),
    [([10, 50], [10, 50]), ([10, 12], [10, 27]), ([98, 99], [83, 100]), ([95, 97, 99], [66, 83, 100]), ([], [])],
)
def test_names_are_pushed_apart_and_stay_inside(positions: list[float], expected: list[float]) -> None:
    assert spaced_out(positions, 17, 100) == expected


def test_estimates_are_rings_without_an_arrow() -> None:
    rows = [row(n, bits(2.0 + i, "estimate", "ODE"), distance(1.0 + i)) for i, n in enumerate("abc")]
    root = drawn(beside_likelihood(grouped(rows), {}))
    assert [element.attrib["class"] for element in root.iter("circle")] == ["plane-ring"] * 3
    assert not [path for path in root.iter("path") if path.attrib["class"] == "plane-arrow"]
