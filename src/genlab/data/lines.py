"""A list of lines, as of names: each is padded with the end symbol to one more than the longest.

The text of a line decides its split, so equal lines are in the same one. Repeated lines stay, since how often a line occurs is
part of the distribution.
"""

from __future__ import annotations

import numpy as np

from genlab.core.data import Split
from genlab.data import splits
from genlab.data.base import SPLITS
from genlab.data.examples import Examples, Stored
from genlab.data.options import Request
from genlab.data.tokenizer import END, Characters

LONGEST = 1024  # characters of a line


class Lines(Examples):
    """The lines of a text that are not empty, without white space at their ends."""

    def __init__(self, request: Request, text: str):
        request.options.suit(request.name, "lines", "files")
        numbered = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        if not numbered:
            raise ValueError(f"{request.source} holds no lines; write one item on each")
        lines = [line for _, line in numbered]
        longest = max(map(len, lines))
        if longest > LONGEST:
            number = next(number for number, line in numbered if len(line) == longest)
            raise ValueError(
                f"{request.source}, line {number}: {longest:,} characters, lines may have {LONGEST:,}; "
                "leave --lines out to learn a text"
            )
        digests = np.frombuffer(b"".join(splits.digest(line.encode()) for line in lines), np.uint8).reshape(-1, 16)
        sides = splits.sides(None, digests, request.options.shares, request.name)
        train = "".join(line for line, side in zip(lines, sides, strict=True) if side == splits.TRAIN)
        held_out = "".join(line for line, side in zip(lines, sides, strict=True) if side != splits.TRAIN)
        tokenizer = Characters.learnt([train], [held_out], END)
        lengths = np.array([len(line) for line in lines])
        x = tokenizer.filled(lines, LONGEST)
        where = [f"line {number}" for number, _ in numbered]
        super().__init__(request, "lines", tokenizer.space(longest + 1), Stored(x, digests, where=where))
        self.tokenizers = {"x": tokenizer}
        self._characters: dict[Split, int] = {
            split: int(lengths[self.numbers(split)].sum() + self.count(split)) for split in SPLITS
        }

    def characters(self, split: Split) -> int:
        """Characters of a split that are scored, with one end symbol for each line."""
        return self._characters[split]
