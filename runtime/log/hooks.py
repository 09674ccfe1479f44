"""Hooks: errors that nobody catches, in the log, where secrets are redacted."""

from __future__ import annotations

import logging
import sys
import threading
from contextlib import suppress
from types import TracebackType

from runtime.log.log import Log


def install_hooks(log: Log) -> None:
    """Write to `log` what Python would print: errors that end the program or a thread, and those
    that cannot be raised, such as in `__del__`. The hooks raise nothing.
    """

    def write(message: str, error: BaseException | None) -> None:
        with suppress(Exception):
            log.write(logging.ERROR, "runtime", message, error=error)

    def end_of_program(
        kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        write("uncaught error", error if error is not None else kind())

    def end_of_thread(event: threading.ExceptHookArgs) -> None:
        if event.exc_type is not SystemExit:  # ends a thread silently
            name = event.thread.name if event.thread is not None else "unknown"
            write(f"uncaught error in thread '{name}'", event.exc_value)

    def unraisable(event: sys.UnraisableHookArgs) -> None:
        message = event.err_msg or "Exception ignored in"
        with suppress(Exception):  # the object may be half destroyed
            message = f"{message}: {event.object!r}" if event.object is not None else message
        write(message, event.exc_value)

    sys.excepthook = end_of_program
    threading.excepthook = end_of_thread
    sys.unraisablehook = unraisable
