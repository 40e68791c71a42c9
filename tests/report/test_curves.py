"""Curves: places on axes, round ticks, a mean that does not lag, well-formed drawings."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genlab.report import curves
from genlab.report.curves import Axis
from tests.report.fakes import curve


def test_a_linear_axis_keeps_differences_a_logarithmic_one_ratios() -> None:
    linear, logarithmic = Axis(0, 10, 100, 200), Axis(1, 1000, 100, 400, logarithmic=True)
    np.testing.assert_allclose(linear([0, 5, 10]), [100, 150, 200])
    np.testing.assert_allclose(logarithmic([1, 10, 100, 1000]), [100, 200, 300, 400])
    np.testing.assert_allclose(linear([-5, 50]), [100, 200], err_msg="what lies outside stays at the edge")
    np.testing.assert_allclose(logarithmic([-5.0, 1e9]), [100, 400])


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_few_round_and_inside(low: float, width: float) -> None:
    axis = Axis(low, low + max(width, abs(low) * 1e-6), 0, 100)
    ticks, slack = axis.ticks(), 1e-6 * (axis.high - axis.low)
    assert 1 <= len(ticks) <= 5
    for tick in ticks:
        assert axis.low - slack <= tick <= axis.high + slack
    if len(ticks) > 1:
        step = ticks[1] - ticks[0]
        assert round(step / 10 ** math.floor(math.log10(step) + 1e-6), 3) in (1, 2, 5, 10)


@pytest.mark.parametrize("scale", [1e-5, 6e-4, 1.0, 4e6])
@pytest.mark.parametrize("sign", [-1, 1])
def test_numbers_beside_an_axis_are_whole(scale: float, sign: int) -> None:
    drawn = curves.panel("loss", [(float(second), sign * scale * (1 + second / 7)) for second in range(20)], 20)
    for place, text in re.findall(r'<text x="([\d.]+)"[^>]*text-anchor="end" class="curve-tick">([^<]*)<', drawn):
        assert float(place) >= 6.3 * len(text)


@given(st.floats(-6, 6), st.floats(0.2, 12))
def test_logarithmic_ticks_are_inside(low: float, decades: float) -> None:
    axis = Axis(10**low, 10 ** (low + decades), 0, 100, logarithmic=True)
    ticks = axis.ticks()
    assert len(ticks) <= 5
    assert all(axis.low * 0.999 <= tick <= axis.high * 1.001 for tick in ticks)
    if decades >= 0.5:
        assert ticks


def test_the_mean_keeps_constants_and_does_not_lag() -> None:
    np.testing.assert_allclose(curves.smooth(np.full(100, 3.0)), 3.0)
    line = np.arange(200.0)
    np.testing.assert_allclose(curves.smooth(line)[20:-20], line[20:-20], atol=1e-9)
    noise = np.random.default_rng(0).normal(size=2000)
    assert curves.smooth(noise).std() < 0.15


@pytest.mark.parametrize("points", [1, 2, 3, 50, 5000])
def test_a_panel_is_a_well_formed_drawing_within_its_frame(points: int) -> None:
    (drawn, *_) = curves.panels(curve("vae", points))
    root = ElementTree.fromstring(drawn)
    assert root.tag == "svg"
    lines = [element.attrib["d"] for element in root.iter("path") if element.attrib["class"] == "curve-mean"]
    places = np.array([place.split() for place in lines[0][1:].split("L")], float)
    assert len(places) == min(points, curves.MOST)
    assert places.min() >= 0
    assert (places.max(0) <= [curves.WIDTH, curves.HEIGHT]).all()


def test_losses_come_first_and_one_move_needs_no_name() -> None:
    titles = [ElementTree.fromstring(svg)[0].text for svg in curves.panels([(1, "vae.kl", 1.0), (1, "vae.loss", 2.0)])]
    assert titles == ["loss", "kl"]
    both = curves.panels([(1, "discriminator.real", 1.0), (1, "discriminator.loss", 2.0), (1, "generator.loss", 2.0)])
    assert [ElementTree.fromstring(svg)[0].text for svg in both] == [
        "discriminator · loss",
        "generator · loss",
        "discriminator · real",
    ]


def test_a_wide_range_is_logarithmic_and_says_so() -> None:
    falling = [(float(s), "m.loss", 10.0 ** (-s / 10)) for s in range(1, 40)]
    assert "loss (log)" in curves.panels(falling)[0]
    assert "(log)" not in curves.panels([(s, name, value - 2) for s, name, value in falling])[0]


def test_what_is_not_finite_is_left_out_and_hostile_names_are_text() -> None:
    drawn = curves.panels(
        [(1.0, "a.loss", math.nan), (2.0, "a.loss", 1.0), (3.0, "a.<script>&\"'", 1.0), (1.0, "a.x", math.inf)]
    )
    assert len(drawn) == 2
    for svg in drawn:
        ElementTree.fromstring(svg)
        assert "<script>" not in svg


def test_no_readings_no_panels() -> None:
    assert curves.panels([]) == []


def test_a_mark_stands_where_its_second_is() -> None:
    line = [(0.0, 1.0), (10.0, 2.0), (20.0, 3.0)]
    assert "curve-mark" not in curves.panel("loss", line, 20.0)
    root = ElementTree.fromstring(curves.panel("loss", line, 20.0, 10.0))
    (mark,) = [path.attrib["d"] for path in root.iter("path") if path.attrib["class"] == "curve-mark"]
    assert mark.startswith(f"M{(curves.LEFT + curves.WIDTH - curves.RIGHT) / 2:.1f} ")
