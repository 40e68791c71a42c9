"""One thread a worker: the workers of pytest-xdist share the cores, and results do not depend on their number."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Decoded data and trained feature networks of the tests stay out of the user's cache."""
    os.environ["GENLAB_CACHE"] = str(tmp_path_factory.mktemp("cache"))
