"""Signals: SIGTERM, SIGINT and SIGHUP, from the first moment of the program to its last."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from runtime.exit_codes import ExitCode
from runtime.program.exit import EXIT_MARGIN, exit_now

_TERMINATION = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Signals:
    """The first signal starts a drain, the second ends the program at once.

    Until `drain_with` is called nothing has been started, and the first signal ends the program.
    """

    def __init__(self, early_exit: int | None) -> None:
        """`early_exit` is the exit code before anything runs; None for the usual 128 + n."""
        self._early_exit = early_exit
        self._begin: Callable[[], None] | None = None
        self._before_exit: Callable[[], None] | None = None
        self._drain_begun = -1
        """The pipe that tells the watchdog thread that the drain began."""
        self._count = 0

    @property
    def received(self) -> bool:
        """True once a signal has arrived."""
        return self._count > 0

    def install(self) -> None:
        """Handle SIGTERM, SIGINT and SIGHUP. A SIGHUP that `nohup` ignores stays ignored."""
        for number in _TERMINATION:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._receive)

    def ignore(self) -> None:
        """Ignore further signals, so that none changes the exit code of an ending program.

        While it shuts down, Python would restore the default handlers, which kill the process.
        """
        for number in _TERMINATION:
            signal.signal(number, signal.SIG_IGN)

    def drain_with(
        self,
        begin: Callable[[], None],
        budget: Callable[[], float],
        before_exit: Callable[[], None] | None = None,
    ) -> None:
        """From now on a signal calls `begin`, which has `budget()` seconds to end the program.

        `before_exit` is called before the program is ended by force.
        """
        self._before_exit = before_exit
        begun, self._drain_begun = os.pipe()
        # If a handler blocks the loop, nothing drains: this thread then ends the program. It is
        # started beforehand, since inside a signal handler starting one could wait for ever.
        threading.Thread(
            target=self._watch, args=(begun, budget), daemon=True, name="drain"
        ).start()
        self._begin = begin

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP and self._count:
            return  # a terminal that closes sends it twice: by itself, and through its shell
        self._count += 1
        if self._begin is None:
            exit_now(128 + number if self._early_exit is None else self._early_exit)
        elif self._count == 1:
            os.write(self._drain_begun, b"!")
            self._begin()
        else:
            self._abort()

    def _watch(self, begun: int, budget: Callable[[], float]) -> None:
        os.read(begun, 1)
        time.sleep(budget() + EXIT_MARGIN)
        self._abort()

    def _abort(self) -> None:
        if self._before_exit is not None:
            self._before_exit()
        exit_now(ExitCode.STOP_TIMED_OUT)
