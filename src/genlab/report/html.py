"""The report of a comparison: one HTML file without a network, and the same numbers as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genlab.report.media import Media


def write(folder: Path, record: Mapping[str, Any], media: Mapping[str, Media]) -> Path:
    """Write report.html and report.json into `folder`; each is whole or absent. Returns the page's path."""
    raise NotImplementedError
