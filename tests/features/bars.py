"""A small data set of pictures with classes that any network can learn."""

from __future__ import annotations

import torch

from genlab.core.space import Batch, Space

SPACE = Space((1, 8, 8), "CHW", "ordinal", 17)


class Bars:
    """Noisy pictures with a bright bar in one of four rows: the row is the class."""

    name = "bars"

    def __init__(self, fingerprint: str, labelled: bool = True, space: Space = SPACE):
        self.fingerprint, self.space = fingerprint, space
        self.given = {"label": Space((), "", "token", 4)} if labelled else {}

    def count(self, split):
        return {"train": 400, "validation": 100, "test": 200}[split]

    def once(self, split, cursor, n):
        n = max(0, min(n, self.count(split) - cursor))
        generator = torch.Generator().manual_seed(1000 * len(split) + cursor)
        label = torch.randint(4, (n,), generator=generator)
        x = torch.randint(6, (n, *self.space.shape), generator=generator)
        x[torch.arange(n), :, label] += 8
        return Batch(x.to(torch.uint8), {"label": label})

    def stream(self, split, cursor, n):
        return self.once(split, cursor % (self.count(split) - n), n)


class Shuffled(Bars):
    """The same with labels that have nothing to do with the pictures: there is nothing to learn."""

    def once(self, split, cursor, n):
        batch = super().once(split, cursor, n)
        stream = torch.Generator().manual_seed(7 + cursor + len(split))
        return batch._replace(given={"label": torch.randint(4, (len(batch.x),), generator=stream)})
