"""Samples as images, still or moving: grids of pictures, scattered points, blocks of text, as DRAWINGS has for their kind.

Everything is drawn from numbers in the data's own units, so two images of the same space are comparable: grey levels are never
stretched to the range of a batch, and points share the frame of the real data.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from genlab.core.kinds import kind_of
from genlab.core.space import Space
from genlab.data.tokenizer import texts
from genlab.data.unread import MADE_BY
from genlab.report import tiles
from genlab.report.fonts import fixed_pitch
from genlab.report.scatter import frame_of, scatter
from genlab.report.tiles import numbers

TILE = 64  # pixels that a small picture is enlarged to, by whole factors
WIDEST = 1024  # pixels of a grid
GUTTER = 4
HOLD = 1500  # milliseconds that the last frame of a moving picture stays
INK, PAPER = (28, 27, 26, 255), (255, 255, 255, 255)
HIDDEN = "\N{REPLACEMENT CHARACTER}"


def picture(
    x: Any,
    space: Space,
    *,
    real: Any = None,
    columns: int | None = None,
    paper: tuple[int, int, int, int] | None = PAPER,
) -> Image.Image:
    """n samples as one RGBA image.

    x        (n, *space.shape) in the data's units, or n texts
    real     points only: real ones, whose density is drawn behind and whose extent is the frame
    columns  of a grid: tiles in a row; by default it is as square as the tiles allow
    paper    colour behind; None is transparent, for pages with a light and a dark side
    """
    image = drawing(space).image(x, space, real, columns)
    return image if paper is None else over(image, paper)


def png(image: Image.Image) -> bytes:
    """A PNG file, in the smallest mode that loses nothing."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert("RGB")
    if image.mode == "RGB":
        red, green, blue = image.split()
        if red.tobytes() == green.tobytes() == blue.tobytes():
            image = red
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True, pnginfo=_signed())
    return out.getvalue()


def _signed() -> PngInfo:
    """The words by which a reader of data knows the picture as one of genlab's."""
    signed = PngInfo()
    signed.add_text("Software", MADE_BY)
    return signed


def gif(frames: Sequence[Any], space: Space, *, real: Any = None, columns: int | None = None, most: int = 60) -> bytes:
    """Frames of samples as a looping GIF: at most `most` of them, evenly chosen, the last one shown longer."""
    if not len(frames):
        raise ValueError("a moving picture needs at least one frame")
    chosen = sorted({round(i) for i in np.linspace(0, len(frames) - 1, min(most, len(frames)))})
    if real is None and not space.scale and drawing(space).layout == "framed":
        real = numbers(frames[-1])  # one frame for all: where the points end
    images = [picture(frames[i], space, real=real, columns=columns).convert("RGB") for i in chosen]
    width, height = (max(image.size[side] for image in images) for side in (0, 1))
    images = [image if image.size == (width, height) else _padded(image, width, height) for image in images]
    out = io.BytesIO()
    each = max(40, 3000 // len(images))
    lasting = [each] * (len(images) - 1) + [HOLD]
    images[0].save(out, "GIF", save_all=True, append_images=images[1:], duration=lasting, loop=0, comment=MADE_BY)
    return out.getvalue()


def grid(tiles: np.ndarray, columns: int | None = None, gutter: int = GUTTER) -> Image.Image:
    """Tiles (n, H, W, 3) uint8 in rows, transparent between; small tiles grow by a whole factor, nearest neighbour."""
    count, height, width = tiles.shape[:3]
    columns = min(columns or best_columns(count, height, width), count)
    room = (WIDEST - gutter * (columns - 1)) // columns
    factor = max(1, min(TILE // max(height, width), room // width))
    tiles = tiles.repeat(factor, axis=1).repeat(factor, axis=2)
    height, width = tiles.shape[1:3]
    rows = math.ceil(count / columns)
    canvas = np.zeros((rows * (height + gutter) - gutter, columns * (width + gutter) - gutter, 4), np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * (height + gutter), number % columns * (width + gutter)
        canvas[top : top + height, left : left + width, :3] = tile
        canvas[top : top + height, left : left + width, 3] = 255
    return Image.fromarray(canvas, "RGBA")


def best_columns(count: int, height: int, width: int) -> int:
    """Columns of a grid a little wider than high, with few empty places: 64 -> 8, 10 -> 5, 12 -> 4, 3 -> 3."""
    ideal = 1.15 * math.sqrt(count * height / width)
    return min(range(1, count + 1), key=lambda c: (-(-count // c) * c - count) / count + 0.4 * abs(math.log(c / ideal)))


def page(blocks: Sequence[str], width: int = 80, size: int = 16) -> Image.Image:
    """Texts under one another, wrapped at `width` characters, a blank line between long ones."""
    font = fixed_pitch(size)
    lines = [[part for line in visible(block).split("\n") for part in _wrapped(line, width)] for block in blocks]
    between = "\n\n" if any(len(block) > 1 for block in lines) else "\n"
    text = between.join("\n".join(block) for block in lines)
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox((0, 0), text, font, spacing=size // 3)
    image = Image.new("RGBA", (math.ceil(right - left) + 2 * size, math.ceil(bottom - top) + 2 * size), (0, 0, 0, 0))
    ImageDraw.Draw(image).multiline_text((size - left, size - top), text, INK, font, spacing=size // 3)
    return image


def visible(text: str) -> str:
    """The text without characters that control a terminal or a page, which a model of bytes may write."""
    return "".join(character if character.isprintable() or character in "\n\t" else HIDDEN for character in text)


def _wrapped(line: str, width: int) -> list[str]:
    return textwrap.wrap(line, width, drop_whitespace=False, replace_whitespace=False) or [""]


def over(image: Image.Image, paper: tuple[int, int, int, int]) -> Image.Image:
    """The image on paper of one colour."""
    return Image.alpha_composite(Image.new("RGBA", image.size, paper), image)


def _padded(image: Image.Image, width: int, height: int) -> Image.Image:
    canvas = Image.new("RGB", (width, height), PAPER[:3])
    canvas.paste(image, (0, 0))
    return canvas


def is_texts(x: Any) -> bool:
    return isinstance(x, list | tuple) and all(isinstance(item, str) for item in x)


@dataclass(frozen=True)
class Drawing:
    """How samples of one kind of data look in reports.

    image    (x, space, real, columns) -> n samples as one RGBA image
    layout   of a page's samples: rows of pictures under one another, framed planes with real examples behind, words (lines),
             paragraphs, or grids
    few      samples beside those of other models
    many     samples on a model's own card
    """

    image: Callable[[Any, Space, Any, int | None], Image.Image]
    layout: Literal["rows", "framed", "words", "paragraphs", "grids"]
    few: int
    many: int


def _tiled(made: Callable[[Any, Space], np.ndarray]) -> Callable[[Any, Space, Any, int | None], Image.Image]:
    def image(x: Any, space: Space, real: Any, columns: int | None) -> Image.Image:
        return grid(made(x, space), columns)

    return image


def _scattered(x: Any, space: Space, real: Any, columns: int | None) -> Image.Image:
    return scatter(numbers(x), frame_of(numbers(x) if real is None else numbers(real), space), real=real)


def _written(x: Any, space: Space, real: Any, columns: int | None) -> Image.Image:
    return page(x if is_texts(x) else texts(x, space))


DRAWINGS: dict[str, Drawing] = {  # by kind of data
    "points": Drawing(_scattered, "framed", few=1000, many=2000),
    "pictures": Drawing(_tiled(tiles.levels), "rows", few=16, many=64),
    "text": Drawing(_written, "paragraphs", few=1, many=3),
    "lines": Drawing(_written, "words", few=10, many=24),
    "sound": Drawing(_tiled(tiles.sounds), "grids", few=4, many=16),
    "video": Drawing(_tiled(tiles.clips), "grids", few=4, many=16),
    "voxels": Drawing(_tiled(tiles.projections), "grids", few=4, many=16),
}


def drawing(space: Space) -> Drawing:
    """How samples of a space look."""
    return DRAWINGS[kind_of(space).name]
