"""A sheet of examples by class and split, to see how data were read.

A line for each class with its splits side by side, or a line for each split; points are a plane a split, texts are paragraphs.
What is given with an example stands below it: a picture to start from, its caption. They are drawn by chance, always the same.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from PIL import Image, ImageDraw, ImageOps
from torch import Tensor

from genlab.core.conditions import UNLABELLED, order
from genlab.core.data import Split
from genlab.core.kinds import kind_of
from genlab.core.model import OTHER
from genlab.core.noise import hashed
from genlab.core.space import Batch, Space, label_of
from genlab.data.base import SPLITS, Opened
from genlab.data.tokenizer import texts
from genlab.report import pictures
from genlab.report.axes import chart
from genlab.report.fonts import fixed_pitch
from genlab.report.scatter import frame_of
from genlab.report.tiles import numbers

CLASSES = 12  # that have lines of their own
ACROSS, OF_CLASS = 12, {"train": 10, "validation": 3, "test": 3}  # examples side by side: of a split, of a class in a split
WIDE, WIDE_OF_CLASS = 4, {"train": 2, "validation": 1, "test": 1}  # where each is wide, as clips and recordings are
DOWN = 3  # rows of a split that has no classes
BLOCK = 1000  # examples looked at at once for those of each class
WIDEST = 1600  # pixels that parts side by side may take
TITLE, CAPTION, MARGIN, GAP = 15, 12, 12, 4  # pixels: of letters, around what is drawn, and between examples
CAPTIONS = 3  # lines of captions below a row
PLANE = 1000  # points drawn
HIDDEN = (246, 201, 160)  # colour of missing pixels


@dataclass(frozen=True)
class Part:
    """A title with what is drawn below it."""

    title: str
    image: Image.Image

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) with the title, without margins."""
        wide = round(_ruler().textlength(self.title, fixed_pitch(TITLE)))
        return max(self.image.width, wide), self.image.height + TITLE + MARGIN // 2


def sheet(data: Opened) -> Image.Image:
    """The sheet of these data."""
    places: list[tuple[Part, int, int]] = []
    top = wide = MARGIN
    for line in _lines(data):
        left, high = MARGIN, 0
        for part in line:
            width, height = part.size
            if left > MARGIN and left + width > WIDEST:
                left, top, high = MARGIN, top + high + MARGIN, 0
            places.append((part, left, top))
            left, high = left + width + 2 * MARGIN, max(high, height)
            wide = max(wide, left - MARGIN)
        top += high + MARGIN
    canvas = Image.new("RGB", (wide, top), "white")
    pen = ImageDraw.Draw(canvas)
    for part, left, above in places:
        pen.text((left, above), part.title, pictures.INK[:3], fixed_pitch(TITLE))
        canvas.paste(part.image.convert("RGB"), (left, above + TITLE + MARGIN // 2))
    return canvas


def _lines(data: Opened) -> Iterator[list[Part]]:
    """Parts that stand side by side, line by line."""
    label, there = label_of(data.given), list[Split](split for split in SPLITS if data.count(split))
    if not _tiled(data.space):
        yield [_whole(data, split) for split in there]
        return
    if notes := _notes(data):
        yield [Part(notes, Image.new("RGB", (1, 1), "white"))]
    if label and data.given[label].levels <= CLASSES:
        yield from _by_class(data, label, there)
    else:
        for split in there:
            shown = DOWN * _across(data.space)
            rows = order(data.count(split), min(shown, data.count(split)), hashed("sheet", split)).sort().values
            yield [_examples(data, split, rows, f"{split}, {len(rows):,} of {data.count(split):,}")]
    if OTHER in data.given:
        others = data.stream("train", 0, _across(data.given[OTHER])).given[OTHER]
        drawn = [_drawn(others, data.given[OTHER], number) for number in range(len(others))]
        yield [Part(f"{OTHER}, while training", _grid(drawn, len(drawn)))]


def _pictured(data: Opened) -> str:
    """The condition that is drawn below each example; "" where none can be."""
    keys = (key for key, space in data.given.items() if space.shape and not space.text and key != OTHER and _tiled(space))
    return next(keys, "")


def _notes(data: Opened) -> str:
    below = _pictured(data)
    orange = data.missing and pictures.drawing(data.space).layout == "rows"
    return "; ".join([f"below each example: its {below}"] * bool(below) + ["in orange: missing"] * orange)


def _tiled(space: Space) -> bool:
    """Whether examples stand in grids."""
    return pictures.drawing(space).layout in ("rows", "grids")


def _across(space: Space) -> int:
    return ACROSS if pictures.drawing(space).layout == "rows" else WIDE


def _whole(data: Opened, split: Split) -> Part:
    """Points or texts of a split; the planes of all splits show the same."""
    space, count = data.space, data.count(split)
    shown = min(count, kind_of(space).shown if kind_of(space).reads else PLANE)
    x = data.once(split, 0, shown).x
    if pictures.drawing(space).layout == "framed":
        frame = frame_of(numbers(data.once("train", 0, PLANE).x), space)
        return Part(f"{split}, {shown:,} of {count:,}", chart(x, space, data.overview.columns, frame=frame))
    decoded = data.tokenizers["x"].decode(x) if space.encoder else texts(x, space) if space.text else x
    return Part(f"{split}, {shown:,} of {count:,}", pictures.picture(decoded, space))


def _by_class(data: Opened, label: str, there: Sequence[Split]) -> Iterator[list[Part]]:
    space = data.given[label]
    names = [str(name) for name in space.names] or [str(number) for number in range(space.levels)]
    wanted = OF_CLASS if _across(data.space) == ACROSS else WIDE_OF_CLASS
    counts = {split: _counts(data, split) for split in there}
    rows = {split: _of_each(data, split, label, counts[split], wanted[split]) for split in there}
    for number, name in [*enumerate(names), (UNLABELLED, "no class")]:
        if parts := [
            _examples(data, split, chosen, f"{name}, {split}, {len(chosen)} of {counts[split][number]:,}")
            for split in there
            if len(chosen := rows[split][number])
        ]:
            yield parts


def _counts(data: Opened, split: Split) -> dict[int, int]:
    """Examples of each class in a split, by its number."""
    counts = dict(enumerate(data.label_counts(split) or ()))
    return {**counts, UNLABELLED: data.count(split) - sum(counts.values())}


def _of_each(data: Opened, split: Split, label: str, counts: dict[int, int], wanted: int) -> dict[int, Tensor]:
    """Numbers of some examples of each class in a split, ascending."""
    shuffled = order(data.count(split), data.count(split), hashed("sheet", split))
    found: dict[int, Tensor] = {number: torch.empty(0, dtype=torch.int64) for number in counts}
    for rows in shuffled.split(BLOCK):
        labels = data.rows(split, rows).given[label]
        found = {number: torch.cat([have, rows[labels == number]])[:wanted] for number, have in found.items()}
        if all(len(have) >= min(wanted, counts[number]) for number, have in found.items()):
            break
    return {number: have.sort().values for number, have in found.items()}


def _examples(data: Opened, split: Split, rows: Tensor, title: str) -> Part:
    """Examples of a split by number, with what is given with each."""
    batch, below = data.rows(split, rows), _pictured(data)
    drawn = [_drawn(batch.x, data.space, number, batch.seen) for number in range(len(rows))]
    if below:
        given = [_drawn(batch.given[below], data.given[below], number) for number in range(len(rows))]
        drawn = [_above(example, other) for example, other in zip(drawn, given, strict=True)]
    made, captions = _grid(drawn, min(len(drawn), _across(data.space))), _captions(data, batch)
    return Part(title, _captioned(made, captions) if captions else made)


def _drawn(x: Tensor, space: Space, number: int, seen: Tensor | None = None) -> Image.Image:
    """One example; missing pixels of a picture in a colour of their own."""
    image = pictures.picture(x[number : number + 1], space, columns=1).convert("RGB")
    if seen is not None and pictures.drawing(space).layout == "rows":
        missing = Image.fromarray((~seen[number].all(0)).numpy().astype("uint8") * 255)
        image.paste(HIDDEN, (0, 0), missing.resize(image.size, Image.Resampling.NEAREST))
    return image


def _above(example: Image.Image, given: Image.Image) -> Image.Image:
    """One above the other, both equally wide and high."""
    fitted = ImageOps.contain(given, example.size, Image.Resampling.NEAREST)
    both = Image.new("RGB", (example.width, 2 * example.height + GAP // 2), "white")
    both.paste(example, (0, 0))
    both.paste(fitted, (0, example.height + GAP // 2))
    return both


def _grid(images: Sequence[Image.Image], columns: int) -> Image.Image:
    """Images of one size in rows."""
    width, height = images[0].size
    down = -(-len(images) // columns)
    canvas = Image.new("RGB", (columns * (width + GAP) - GAP, down * (height + GAP) - GAP), "white")
    for number, image in enumerate(images):
        canvas.paste(image, (number % columns * (width + GAP), number // columns * (height + GAP)))
    return canvas


def _captions(data: Opened, batch: Batch) -> str:
    """The captions of a batch, in its order; "" where there are none."""
    key = next((key for key, space in data.given.items() if space.text and key in batch.given), None)
    if key is None:
        return ""
    tokens, space = batch.given[key], data.given[key]
    return " | ".join(data.tokenizers[key].decode(tokens) if key in data.tokenizers else texts(tokens, space))


def _captioned(image: Image.Image, captions: str) -> Image.Image:
    """The image with the first lines of these captions below it."""
    font = fixed_pitch(CAPTION)
    wrapped = textwrap.wrap(pictures.visible(captions), max(20, int(image.width / font.getlength("0"))))
    lines = wrapped[:CAPTIONS] + (["..."] if len(wrapped) > CAPTIONS else [])
    high = image.height + (CAPTION + GAP) * len(lines) + GAP
    canvas = Image.new("RGB", (max([image.width, *(int(font.getlength(line)) + 1 for line in lines)]), high), "white")
    canvas.paste(image.convert("RGB"), (0, 0))
    pen = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        pen.text((0, image.height + GAP + number * (CAPTION + GAP)), line, pictures.INK[:3], font)
    return canvas


def _ruler() -> ImageDraw.ImageDraw:
    return ImageDraw.Draw(Image.new("L", (1, 1)))
