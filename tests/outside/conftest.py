"""A folder of its own for each test, where nothing of the user's own is known yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from genlab import own
from genlab.recipes import index


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever was registered before, the process is as good as new."""
    monkeypatch.chdir(tmp_path)
    for known in (index.OWN, own.SPELLED):
        known.clear()
    yield
    for known in (index.OWN, own.SPELLED):
        known.clear()
