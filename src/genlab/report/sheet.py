"""A sheet of examples by class and split, to see how data were read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from PIL import Image, ImageDraw

from genlab.core.data import Split
from genlab.core.kinds import kind_of
from genlab.core.space import Batch, label_of
from genlab.data.base import SPLITS, Opened
from genlab.data.tokenizer import texts
from genlab.report import pictures
from genlab.report.fonts import fixed_pitch

CLASSES = 12  # that have rows of their own
ACROSS = 12  # examples in a row
WIDE = 4  # in a row where each is wide, as clips and recordings
LOOKED_THROUGH = 4000  # examples of a split, for those of each class
SIZE, MARGIN = 15, 12  # pixels: of letters, and around what is drawn
PLANE = 1000  # points drawn


def sheet(data: Opened) -> Image.Image:
    """A row of examples for each class and split, or for each split; points as a plane a split, texts as paragraphs."""
    across = ACROSS if pictures.drawing(data.space).layout == "rows" else WIDE
    parts = [(title, pictures.picture(x, data.space, columns=across)) for title, x in _rows(data)]
    font = fixed_pitch(SIZE)
    ruler = ImageDraw.Draw(Image.new("L", (1, 1)))
    wide = max(MARGIN + max(image.width, round(ruler.textlength(title, font))) for title, image in parts) + MARGIN
    high = sum(image.height + SIZE + 2 * MARGIN for _, image in parts) + MARGIN
    canvas = Image.new("RGB", (wide, high), "white")
    pen, top = ImageDraw.Draw(canvas), MARGIN
    for title, image in parts:
        pen.text((MARGIN, top), title, pictures.INK[:3], font)
        canvas.paste(image.convert("RGB"), (MARGIN, top + SIZE + MARGIN // 2))
        top += image.height + SIZE + 2 * MARGIN
    return canvas


def _rows(data: Opened) -> Iterator[tuple[str, Any]]:
    """(title, examples) of each row of the sheet."""
    kind, label = kind_of(data.space), label_of(data.given)
    if label and pictures.drawing(data.space).layout in ("rows", "grids") and data.given[label].levels <= CLASSES:
        yield from _by_class(data, label)
        return
    for split in SPLITS:
        if not (count := data.count(split)):
            continue
        shown = min(
            count, PLANE if pictures.drawing(data.space).layout == "framed" else kind.shown if kind.reads else 3 * ACROSS
        )
        x = data.once(split, 0, shown).x
        decoded = data.tokenizers["x"].decode(x) if data.space.encoder else texts(x, data.space) if data.space.text else x
        yield f"{split}, {shown:,} of {count:,}", decoded


def _by_class(data: Opened, label: str) -> Iterator[tuple[str, Any]]:
    names = [str(name) for name in data.given[label].names] or [str(number) for number in range(data.given[label].levels)]
    batches: dict[Split, Batch] = {split: data.once(split, 0, LOOKED_THROUGH) for split in SPLITS if data.count(split)}
    for number, name in enumerate([*names, "no class"]):
        for split, batch in batches.items():
            wanted = number if number < len(names) else -1
            rows = list(islice((batch.given[label] == wanted).nonzero()[:, 0].tolist(), ACROSS))
            counts = data.label_counts(split) or []
            if rows:
                total = f" of {counts[number]:,}" if number < len(counts) else ""
                yield f"{name}, {split}, {len(rows)}{total}", batch.x[torch.tensor(rows)]
