"""What a terminal can show. Everything else is written out rather than refused."""

from __future__ import annotations

import sys
from typing import Any


def never_refusing(*streams: Any) -> None:
    """Let streams write characters that they cannot encode as \\xNN or \\uNNNN: names of files may be any bytes."""
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def showable(text: str) -> bool:
    """Whether stdout can show all characters of a text."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
