"""Exit: the ways in which the program ends."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from runtime.exit_codes import ExitCode

EXIT_MARGIN = 1.0
"""Seconds that a program which is done may take to end, before it is ended by force."""


def exit_now(code: int) -> NoReturn:
    """End the program at once, without waiting for its threads and tasks."""
    for stream in (sys.stdout, sys.stderr):
        # RuntimeError: a signal interrupted a write to this stream
        with suppress(OSError, ValueError, RuntimeError, AttributeError):
            stream.flush()
    os._exit(code)


def exit_soon(code: int) -> None:
    """End the program within a second, even if a thread that a handler started never returns."""
    timer = threading.Timer(EXIT_MARGIN, exit_now, (code,))
    timer.daemon = True
    timer.start()


@contextmanager
def crash_guard(clean_up: Callable[[], None] | None = None) -> Iterator[None]:
    """Log an unexpected error of the runtime in the block, clean up, and exit at once with 1."""
    try:
        yield
    except Exception:
        from runtime.loggers import logger  # not above: signal handlers come first, at the start

        logger("runtime").exception("unexpected error of the runtime; please report it")
        if clean_up is not None:
            clean_up()
        exit_now(ExitCode.INTERNAL_ERROR)
