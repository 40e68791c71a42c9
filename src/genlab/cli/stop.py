"""Ctrl-C as a request: training ends at the next closed step and saves what was learnt."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

WORDS = b"\nstopping after this step; once more stops at once and keeps only the last checkpoint\n"


class Stop:
    """A context in which SIGINT and SIGTERM set `asked` to their number; a second signal raises KeyboardInterrupt.

    patient   False lets the first signal raise too, for work that has no steps to end at
    """

    def __init__(self) -> None:
        self.asked, self.patient = 0, True
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():  # other threads cannot handle signals
            self._before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *reason: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        again, self.asked = self.asked, number
        if again or not self.patient:
            raise KeyboardInterrupt
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, WORDS)  # print is not safe inside a handler
