"""Data to learn from: `open` makes a `Data` of a built-in name, a path or a hub name. Nothing here prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genlab.data.opener import open

__all__ = ["open"]


def __getattr__(name: str) -> Any:
    """`open` when it is first asked for: help pages list the built-in data without loading torch."""
    if name != "open":
        raise AttributeError(f"genlab.data has no {name!r}; it has open")
    from genlab.data.opener import open

    return open
