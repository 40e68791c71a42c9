"""One item a line, names and the like: each is filled up with the end symbol to one more than the longest.

A line's own text decides its split, so equal lines are on one side; how often a line occurs is kept, for it is part of the
distribution.
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
    """The lines of a text that are not empty; white space at their ends is not part of them."""

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
        sides = splits.by_content(digests, request.options.shares)
        train = "".join(line for line, side in zip(lines, sides, strict=True) if side == splits.TRAIN)
        held_out = "".join(line for line, side in zip(lines, sides, strict=True) if side != splits.TRAIN)
        tokenizer = Characters.learnt(train, held_out, END)
        lengths = np.array([len(line) for line in lines])
        x = tokenizer.filled(lines, LONGEST)
        where = [f"line {number}" for number, _ in numbered]
        super().__init__(request, "lines", tokenizer.space(longest + 1), Stored(x, digests, where=where))
        self.tokenizers = {"x": tokenizer}
        self._characters: dict[Split, int] = {
            split: int(lengths[self.numbers(split)].sum() + self.count(split)) for split in SPLITS
        }

    def characters(self, split: Split) -> int:
        """Characters of a split, one end symbol a line among them: all that is scored."""
        return self._characters[split]
