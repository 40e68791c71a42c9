"""Pictures show the numbers they were given: nothing stretched, nothing lost."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image

from genlab.core.space import Space
from genlab.data.tokenizer import texts
from genlab.report import fonts, pictures, scatter, tiles
from tests.report.fakes import COLOUR, DIGITS, LINES, POINTS, TEXT, samples


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("space", [DIGITS, COLOUR, Space((1, 2, 2), "CHW", "binary")], ids=["digits", "colour", "binary"])
def test_every_pixel_of_a_grid_is_a_level_of_its_picture(space: Space) -> None:
    x = samples(space, 7)
    image = np.asarray(opened(pictures.png(pictures.picture(x, space, columns=3))).convert("RGB"))
    height, width = space.shape[1:]
    factor = (image.shape[1] - 2 * pictures.GUTTER) // 3 // width
    assert factor == 64 // max(height, width)
    for number, tile in enumerate(x):
        top = number // 3 * (height * factor + pictures.GUTTER)
        left = number % 3 * (width * factor + pictures.GUTTER)
        shown = image[top : top + height * factor, left : left + width * factor].reshape(height, factor, width, factor, 3)
        assert (shown == shown[:, :1, :, :1]).all(), "enlarged by whole factors, nearest neighbour"
        wanted = np.rint(tile.transpose(1, 2, 0) * (255 / (space.levels - 1)))
        np.testing.assert_array_equal(shown[:, 0, :, 0], np.broadcast_to(wanted, (height, width, 3)))


def test_grey_levels_are_those_of_the_space_not_of_the_batch() -> None:
    dim = np.full((1, 1, 8, 8), 8)
    assert (tiles.levels(dim, DIGITS) == 128).all()


def test_real_pictures_have_the_mean_in_the_middle_of_grey() -> None:
    space = Space((1, 2, 2), "CHW", "real", center=(10.0,), scale=(2.0,))
    x = np.array([[[[10.0, 15.0], [5.0, np.nan]]]])
    np.testing.assert_array_equal(tiles.levels(x, space)[0, ..., 0], [[128, 255], [0, 0]])


def test_tensors_and_arrays_give_the_same_file() -> None:
    x = samples(DIGITS, 5)
    assert pictures.png(pictures.picture(torch.tensor(x), DIGITS)) == pictures.png(pictures.picture(x, DIGITS))


def test_transparent_between_tiles_unless_there_is_paper() -> None:
    x = samples(DIGITS, 4)
    assert pictures.picture(x, DIGITS, paper=None).getchannel("A").getextrema() == (0, 255)
    assert opened(pictures.png(pictures.picture(x, DIGITS))).mode == "L"


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (3, 3), (10, 5), (12, 4), (16, 4), (64, 8), (100, 10)])
def test_columns(count: int, columns: int) -> None:
    assert pictures.best_columns(count, 8, 8) == columns


def test_a_large_grid_stays_within_its_width() -> None:
    wide = Space((1, 4, 300), "CHW", "binary")
    assert pictures.picture(samples(wide, 3), wide, columns=3).width <= pictures.WIDEST


def test_a_disc_covers_its_area() -> None:
    for place in ([100.0, 100.0], [100.3, 99.6], [50.5, 20.25]):
        cover = scatter._discs(np.array([place]), 200)
        # the integral of clip(r + 1/2 - d, 0, 1) over the plane is pi (r^2 + 1/12)
        assert cover.sum() == pytest.approx(np.pi * (scatter.RADIUS**2 + 1 / 12), rel=0.03)
        rows, columns = np.mgrid[:200, :200]
        assert (cover * rows).sum() / cover.sum() == pytest.approx(place[0], abs=0.1)
        assert (cover * columns).sum() / cover.sum() == pytest.approx(place[1], abs=0.1)


def test_points_lie_where_they_are() -> None:
    frame = scatter.Frame(np.array([-2.0, -2.0]), np.array([2.0, 2.0]))
    image = np.asarray(scatter.scatter(np.array([[1.0, 1.0]]), frame, side=101))
    rows, columns = np.nonzero(image[..., 3])
    assert (rows.mean(), columns.mean()) == pytest.approx((25, 75), abs=0.5), "x to the right, y upwards"


def test_all_samples_share_the_frame_of_the_real_points() -> None:
    real = samples(POINTS, 500)
    frame = scatter.frame_of(real, POINTS)
    assert frame.outside(real) <= 5
    assert frame.outside(np.array([[0.0, 50.0], [np.nan, 0.0], [0.0, 0.0]])) == 2
    far = pictures.picture(np.array([[0.0, 50.0], [0.0, 0.0]]), POINTS, real=real)
    near = pictures.picture(np.array([[0.0, 0.0]]), POINTS, real=real)
    assert far.tobytes() == near.tobytes()


def test_a_circle_is_round_but_unlike_units_fill_their_frame() -> None:
    angle = np.linspace(0, 2 * np.pi, 400)
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)
    plain = Space((2,), "D", "real")
    even, uneven = scatter.frame_of(circle * [1, 2], plain), scatter.frame_of(circle * [1, 100], plain)
    assert np.ptp(even.high - even.low) == pytest.approx(0)
    assert (uneven.high - uneven.low)[1] == pytest.approx(100 * (uneven.high - uneven.low)[0], rel=1e-3)


def test_one_coordinate_is_a_histogram_and_many_show_two() -> None:
    line = Space((1,), "D", "real", center=(0.0,), scale=(1.0,))
    assert pictures.picture(samples(line, 100), line, real=samples(line, 100, 1)).size == (480, 240)
    many = Space((8,), "D", "real")
    assert pictures.picture(samples(many, 100), many).size == (480, 480)


def test_points_that_diverged_still_give_a_picture() -> None:
    assert pictures.picture(np.full((3, 2), np.nan), POINTS).size == (480, 480)
    assert pictures.picture(np.full((3, 1), np.inf), Space((1,), "D", "real")).size == (480, 240)


def test_texts_end_before_their_end_symbol() -> None:
    assert texts(torch.tensor([[0, 1, 2, 0, 0], [2, 2, 2, 2, 2], [1, 1, 1, 1, 1]]), LINES) == ("ab", "", "bbbbb")
    assert texts(np.array([[0, 2, 1]]), TEXT) == ("a b",)
    assert texts(np.array([[5, 17]]), Space((2,), "T", "token", 300)) == ("5 17",)


def test_a_page_of_text_wraps_between_words() -> None:
    short, long = pictures.page(["one"]), pictures.page(["word " * 200])
    assert long.height > 5 * short.height
    assert long.width < 1000


def test_a_moving_picture_has_its_frames_and_holds_the_last() -> None:
    frames = [np.full((4, 1, 8, 8), level) for level in range(17)]
    image = opened(pictures.gif(frames, DIGITS, most=9))
    shown, durations = [], []
    for number in range(image.n_frames):
        image.seek(number)
        shown.append(np.asarray(image.convert("L"))[0, 0])
        durations.append(image.info["duration"])
    assert shown == [int(np.rint(level * 255 / 16)) for level in range(0, 17, 2)]
    assert durations[-1] == pictures.HOLD
    assert max(durations[:-1]) < pictures.HOLD


@pytest.fixture
def no_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(fonts, "FIXED_PITCH", ("no-such-font.ttf",))
    fonts.fixed_pitch.cache_clear()
    yield
    fonts.fixed_pitch.cache_clear()


def test_texts_are_drawn_without_any_font_of_the_system(no_fonts: None) -> None:
    one, other = (np.asarray(pictures.page([text])) for text in ("wide words", "tall words"))
    assert one[..., 3].max() == 255
    assert one.shape != other.shape or (one != other).any()
    letter, lacking = (pictures.page([text]).getchannel("A") for text in ("o", "ö"))
    assert letter.getbbox() != lacking.getbbox() or letter.tobytes() != lacking.tobytes()  # nothing is left out silently


@pytest.mark.skipif(fonts.fixed_pitch(16).getname()[0] == "Aileron", reason="the system has no font of fixed pitch")
def test_fonts_of_the_system_know_latin_letters_and_their_pitch_is_fixed() -> None:
    font = fonts.fixed_pitch(16)
    box = bytes(font.getmask("\ufffe"))  # what is drawn for a character that the font lacks
    for letter in "äéñøßÆçšžłőğİȘąęțůŵ":
        assert bytes(font.getmask(letter)) != box
    assert len({font.getlength(letter) for letter in "ilmMW.äß0"}) == 1
    assert fonts.fixed_pitch(32).getlength("m") == pytest.approx(2 * font.getlength("m"), rel=0.1)


def test_frames_of_growing_text_share_one_size() -> None:
    image = opened(pictures.gif([["a"], ["ab"], ["abc\nabc"]], TEXT))
    assert image.n_frames == 3


def test_nothing_to_show_is_said() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        pictures.gif([], DIGITS)
    with pytest.raises(ValueError, match="no kind of data has the axes"):
        pictures.picture(np.zeros((1, 1, 100)), Space((1, 100), "XY", "real"))
