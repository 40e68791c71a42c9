"""The 1,797 handwritten digits that come with the package: files/digits.txt says where they are from."""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from genlab.data import splits
from genlab.data.examples import Examples, Stored
from genlab.data.index import built_in
from genlab.data.levels import fitted, pictures
from genlab.data.options import Request
from genlab.data.overview import Overview

LEVELS = 17  # inked pixels of a 4 x 4 block: 0 ... 16


def read(request: Request) -> Examples:
    row = built_in("digits")
    assert row is not None
    with files("genlab.data").joinpath("files/digits.npz").open("rb") as file:
        found = np.load(file, allow_pickle=False)
        x, labels = found["x"], found["label"]
    x = fitted(x, request.options, LEVELS, request.progress)
    noted = Overview(classes_from="the digit", licence=row.licence)
    stored = Stored(x, splits.digests(x), labels, tuple("0123456789"), noted=noted)
    return pictures(request, stored, LEVELS)
