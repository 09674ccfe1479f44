"""Signals: what SIGTERM, SIGINT, SIGHUP mean, from the first moment of the program to its last."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn

TWICE = 6
"""The exit code after a second signal, and of a drain that ran out of time."""

MARGIN = 1.0
"""Seconds over its budget that a drain may take before the program is ended."""

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Signals:
    """The first signal asks for a drain, the second ends the program at once.

    Until `drain_with` is called nothing has been started, and the first signal ends the program.
    """

    def __init__(self, early_exit: int | None) -> None:
        """`early_exit` is the code of a signal before anything runs; None for the usual 128 + n."""
        self._early_exit = early_exit
        self._begin: Callable[[], None] | None = None
        self._end: Callable[[], None] = _nothing
        self._begun = -1
        """The pipe that tells the watching thread that the drain began."""
        self._count = 0

    @property
    def received(self) -> bool:
        """Whether there was a signal already."""
        return self._count > 0

    def install(self) -> None:
        """Take over SIGTERM, SIGINT, and unless `nohup` has it ignored, SIGHUP."""
        for number in _ENDING:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._receive)

    def ignore(self) -> None:
        """The program is ending: no signal may change its exit code any more.

        Python, when it shuts down, would have a signal kill the process.
        """
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)

    def drain_with(
        self,
        begin: Callable[[], None],
        budget: Callable[[], float],
        end: Callable[[], None] | None = None,
    ) -> None:
        """From now on a signal calls `begin`, which has `budget()` seconds to end the program.

        `end` is called before the program is ended at once.
        """
        self._end = end or _nothing
        begun, self._begun = os.pipe()
        # A loop that is blocked by a handler can drain nothing: this thread ends the program then.
        # It is there beforehand, for a signal may come where a new thread would wait for ever.
        watch = threading.Thread(
            target=_watch, args=(begun, budget, self._end), daemon=True, name="drain"
        )
        watch.start()
        self._begin = begin

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP and self._count:
            return  # a terminal that closes says so twice: itself, and by its shell
        self._count += 1
        if self._begin is None:
            exit_now(128 + number if self._early_exit is None else self._early_exit)
        elif self._count == 1:
            os.write(self._begun, b"!")
            self._begin()
        else:
            self._end()
            exit_now(TWICE)


def _watch(begun: int, budget: Callable[[], float], end: Callable[[], None]) -> None:
    os.read(begun, 1)
    time.sleep(budget() + MARGIN)
    end()
    exit_now(TWICE)


def _nothing() -> None:
    """There is nothing else to end."""


def exit_now(code: int) -> NoReturn:
    """End the program now, whatever its threads and tasks do."""
    for stream in (sys.stdout, sys.stderr):
        # RuntimeError: a signal came in the middle of a write
        with suppress(OSError, ValueError, RuntimeError, AttributeError):
            stream.flush()
    os._exit(code)


def exit_soon(code: int) -> None:
    """End the program even if a thread that a handler started, and forgot, does not end."""
    watch = threading.Timer(MARGIN, exit_now, (code,))
    watch.daemon = True
    watch.start()
