"""Signals: what SIGTERM and SIGINT mean, from the first moment of the program to its last."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

TWICE = 6
"""The exit code after a second signal, and of a drain that ran out of time."""


class Signals:
    """The first signal asks for a drain, the second ends the program at once.

    Until `drain_with` is called nothing has been started, and the first signal ends the program.
    """

    def __init__(self, early_exit: int | None) -> None:
        """`early_exit` is the code of a signal before anything runs; None for the usual 128 + n."""
        self._early_exit = early_exit
        self._drain: Callable[[], None] | None = None
        self._budget_of: Callable[[], float] = float
        self._count = 0

    def install(self) -> None:
        """Take over SIGTERM and SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._receive)

    def drain_with(self, drain: Callable[[], None], budget: Callable[[], float]) -> None:
        """From now on a signal calls `drain`, which has `budget()` seconds to end the program."""
        self._budget_of = budget
        self._drain = drain

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        if self._drain is None:
            leave(128 + number if self._early_exit is None else self._early_exit)
        elif self._count == 1:
            # A loop that is blocked by a handler can drain nothing; this thread ends it then.
            watch = threading.Timer(self._budget_of() + 1.0, leave, (TWICE,))
            watch.daemon = True
            watch.start()
            self._drain()
        else:
            leave(TWICE)


def leave(code: int) -> None:
    """End the program now, whatever its threads and tasks do."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    os._exit(code)
