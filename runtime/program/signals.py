"""Signals: SIGTERM, SIGINT and SIGHUP, from the first moment of the program to its last."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from runtime.exit_codes import ExitCode
from runtime.program.exit import EXIT_MARGIN, exit_now
from runtime.program.terminal import Terminal

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

_TERMINATION = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
TOGETHER = 1.0
"""Seconds in which another signal belongs to the first: a terminal's Ctrl-C and the SIGTERM of the
wrapper that it ended, or the SIGTERM and SIGHUP that end a login session.
"""
LOG_TIMEOUT = 0.5
"""Seconds that the last line may take. A thread that hangs may hold the lock of the log."""

_Handler = Callable[[int, FrameType | None], object]


class Signals:
    """The first signal starts a drain, the second ends the program at once. SIGHUP is one of them
    if the terminal was closed; else it asks for a reload, where the program has one.

    Until `drain_with` is called nothing has been started, and the first signal ends the program.
    """

    def __init__(self, early_exit: int | None) -> None:
        """`early_exit` is the exit code before anything runs; None for the usual 128 + n."""
        self._early_exit = early_exit
        self._begin: Callable[[], None] | None = None
        self._reload: Callable[[], None] | None = None
        self._terminal = Terminal()
        self._hung_up = False
        """True once a SIGHUP was taken for a wish to reload."""
        self._before_exit: Callable[[], None] | None = None
        self._watchdog = -1
        """The pipe to the watchdog thread: a byte when the drain begins, one to end it."""
        self._first: int | None = None
        self._first_at = 0.0
        self._owned: list[signal.Signals] = []
        self._others: dict[int, _Handler] = {}
        self._told: set[int] = set()
        self._calling_other = False
        self._masks = threading.local()

    @property
    def received(self) -> bool:
        """True once a signal has arrived."""
        return self._first is not None

    @property
    def number(self) -> int:
        """The first signal that arrived; 0 before."""
        return self._first or 0

    def install(self) -> None:
        """Handle SIGTERM, SIGINT and SIGHUP. A SIGHUP that `nohup` ignores stays ignored."""
        for number in _TERMINATION:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._receive)
                self._owned.append(number)

    def leave_to_children(self) -> None:
        """From now on a signal to a forked child is the child's, and ends it.

        It would otherwise call this program's handlers, and wake up its event loop.
        """
        os.register_at_fork(
            before=self._block, after_in_parent=self._unblock, after_in_child=self._reset
        )

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
        reader, self._watchdog = os.pipe()
        # If a handler blocks the loop, nothing drains: this thread then ends the program. It is
        # started beforehand, since inside a signal handler starting one could wait for ever.
        threading.Thread(
            target=self._watch, args=(reader, budget), daemon=True, name="drain"
        ).start()
        self._begin = begin

    def end_at_once(self) -> None:
        """From now on nothing runs: a signal ends the program, with the exit code 0."""
        self._begin, self._reload, self._early_exit = None, None, 0

    def expect_reload(self) -> None:
        """From now on a SIGHUP asks for a reload, while the terminal of the start is there."""
        self._reload = self._note_wish

    def reload_with(self, reload: Callable[[], None]) -> None:
        """The same, and `reload` is called; at once if it was asked for before."""
        self._reload = reload
        if self._hung_up:
            reload()

    def _note_wish(self) -> None:
        """It is kept until there is something to reload."""

    def own(self, loop: AbstractEventLoop) -> None:
        """Call what is added to the loop for one of our signals beside our handlers."""

        def add(number: int, callback: Callable[..., object], *arguments: Any) -> None:
            if number not in self._owned:
                return add_to_loop(number, callback, *arguments)
            self._share(
                signal.Signals(number),
                lambda *_: loop.call_soon_threadsafe(callback, *arguments),
                callback,
            )

        def remove(number: int) -> bool:
            if number not in self._owned:
                return remove_from_loop(number)
            return self._others.pop(number, None) is not None

        add_to_loop, remove_from_loop = loop.add_signal_handler, loop.remove_signal_handler
        vars(loop).update(add_signal_handler=add, remove_signal_handler=remove)

    def take_back(self) -> None:
        """Handle again the signals that somebody else handles by now, and call both from now on.

        Does nothing outside of the main thread, where signals cannot be handled.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        if self._hung_up and self._terminal.is_gone and self._first is None:
            self._count(signal.SIGHUP)  # its shell told us before it was closed
        for number in self._owned:
            handler = signal.getsignal(number)
            if handler != self._receive:  # not `is`: each access makes a bound method
                signal.signal(number, self._receive)
                self._share(number, handler if callable(handler) else None, handler)

    def _share(self, number: signal.Signals, other: _Handler | None, origin: object) -> None:
        if other is None or other is signal.default_int_handler:
            self._others.pop(number, None)
        else:
            self._others[number] = other
        if number not in self._told:
            self._told.add(number)
            from runtime.loggers import logger  # not above: signals come first, at the start

            logger("runtime").warning(
                "%s was taken over by %s; the runtime handles it as before%s",
                number.name,
                _place(origin),
                ", and calls that too" if number in self._others else "",
            )

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._calling_other:
            return  # it was made to call the handler that it replaced, which is this one
        self._count(number)
        if (other := self._others.get(number)) is not None:
            self._calling_other = True
            # such as the SystemExit of a handler that wants to end the program: it is ending
            with suppress(BaseException):
                other(number, frame)
            self._calling_other = False

    def _count(self, number: int) -> None:
        """Begin a drain, or end the program.

        Those that arrive together are delivered in the order of their numbers, not of their time:
        SIGHUP, SIGINT, SIGTERM.
        """
        if number == signal.SIGHUP and self._reload is not None and not self._terminal.is_gone:
            self._hung_up = True
            if self._first is None:
                self._reload()
        elif self._begin is None:
            self._first = number
            exit_now(128 + number if self._early_exit is None else self._early_exit)
        elif self._first is None:
            self._note(number)
            os.write(self._watchdog, bytes([number]))
            self._begin()
        elif number == signal.SIGHUP:
            return  # a terminal that closes sends it twice: by itself, and through its shell
        elif self._first == signal.SIGHUP:
            self._note(number)  # the drain that it asks for has begun
        elif number == self._first or time.monotonic() - self._first_at > TOGETHER:
            os.write(self._watchdog, bytes([number]))
            time.sleep(LOG_TIMEOUT + 0.1)
            self._abort()

    def _note(self, number: int) -> None:
        self._first, self._first_at = number, time.monotonic()

    def _watch(self, reader: int, budget: Callable[[], float]) -> None:
        from select import select

        os.read(reader, 1)
        seconds = budget() + EXIT_MARGIN
        if select([reader], [], [], seconds)[0]:
            name = signal.Signals(os.read(reader, 1)[0]).name
            text, values = "%s: the second signal ends the program at once", [name]
        else:
            text, values = "the drain ran out of time; the program is ended by force", []
        line = threading.Thread(target=_log_error, args=(text, *values), daemon=True)
        line.start()
        line.join(LOG_TIMEOUT)
        self._abort()

    def _abort(self) -> None:
        if self._before_exit is not None:
            self._before_exit()
        exit_now(ExitCode.STOP_TIMED_OUT)

    def _block(self) -> None:
        self._masks.old = signal.pthread_sigmask(signal.SIG_BLOCK, self._owned)

    def _unblock(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._masks.old)

    def _reset(self) -> None:
        """In the child: the handlers of a new Python program, and a loop that is not woken up."""
        with suppress(ValueError):  # not in the main thread, as in a subinterpreter
            signal.set_wakeup_fd(-1)
            for number in self._owned:
                interrupt = number == signal.SIGINT
                default = signal.default_int_handler if interrupt else signal.SIG_DFL
                signal.signal(number, default)
        self._unblock()


def _log_error(text: str, *values: object) -> None:
    from runtime.loggers import logger

    logger("runtime").error(text, *values)


def _place(handler: object) -> str:
    """The name of a function with its file and line; `SIG_IGN` for one of the constants."""
    code = getattr(getattr(handler, "__func__", handler), "__code__", None)
    name = getattr(handler, "__qualname__", None) or getattr(handler, "name", None)
    if code is None:
        return f"'{name}'" if name else repr(handler)
    return f"'{name}' ({code.co_filename}:{code.co_firstlineno})"
