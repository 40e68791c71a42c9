"""One item a line, names and the like: each is filled up with the end symbol to one more than the longest.

A line's own text decides its split, so equal lines are on one side; how often a line occurs is kept, for it is part of the
distribution.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from genlab.core.data import Split
from genlab.core.space import Space
from genlab.data import splits
from genlab.data.alphabet import Characters, filled
from genlab.data.base import SPLITS
from genlab.data.examples import Examples, Stored
from genlab.data.options import Request

LONGEST = 1024  # characters of a line
END = "\n"


class Lines(Examples):
    """The lines of a text that are not empty; white space at their ends is not part of them."""

    def __init__(self, request: Request, text: str):
        request.options.refuse(request.name, "lines", "size", "length", "vocabulary", "binarise")
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
        self.alphabet = Characters(train, held_out, END)
        lengths = np.array([len(line) for line in lines])
        x = filled(lines, self.alphabet, longest + 1)
        where = [f"line {number}" for number, _ in numbered]
        space = Space(
            (longest + 1,),
            "T",
            "token",
            len(self.alphabet.names),
            self.alphabet.names,
            self.alphabet.end,
            note=self.alphabet.note,
        )
        super().__init__(request, "lines", space, Stored(x, digests, where=where))
        self._characters: dict[Split, int] = {
            split: int(lengths[self.numbers(split)].sum() + self.count(split)) for split in SPLITS
        }

    def characters(self, split: Split) -> int:
        """Characters of a split, one end symbol a line among them: all that is scored."""
        return self._characters[split]

    def decode(self, tokens: Tensor) -> list[str]:
        """(B, T) tokens -> lines, cut before the end symbol."""
        return [self.alphabet.text(row).split(END)[0] for row in tokens.cpu().numpy()]

    def encode(self, text: str) -> Tensor:
        """(T,) int64 tokens of the beginning of a line; ValueError names characters that are not in the alphabet."""
        return torch.from_numpy(self.alphabet.encoded(text).astype(np.int64))
