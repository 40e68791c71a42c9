"""Makes src/genlab/data/files/digits.npz from scikit-learn's copy of the digits: python scripts/make_digits.py

scikit-learn is needed here only; genlab reads the file that this writes. The file's bytes depend on the zlib in use, its
arrays do not: `python scripts/make_digits.py --check` compares those.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

FILE = Path(__file__).parents[1] / "src" / "genlab" / "data" / "files" / "digits.npz"


def arrays() -> dict[str, np.ndarray]:
    """x (1797, 1, 8, 8) uint8 of levels 0 ... 16, label (1797,) uint8."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return {"x": found.images.astype(np.uint8)[:, None], "label": found.target.astype(np.uint8)}


def main() -> None:
    made = arrays()
    if "--check" in sys.argv:
        with np.load(FILE) as there:
            assert set(there.files) == set(made)
            assert all(np.array_equal(there[name], made[name]) for name in made)
        print(f"{FILE} holds what scikit-learn has")
        return
    np.savez_compressed(FILE, **made)
    print(f"wrote {FILE}, {FILE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
