"""LogBook: the log of one application, kept for a test."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Mapping
from typing import Any

import msgspec

from runtime.handlers.context import ApplicationContext, current, log_origin
from runtime.log.log import Log
from runtime.log.records import LogHandler
from runtime.loggers import attach, detach

_MOST = 10_000
"""Lines that are kept: the last ones."""


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log."""

    level: str
    """`debug`, `info`, `warning`, `error` or `critical`."""
    logger: str
    entry: str
    """The id of the entry that it concerns; empty if it concerns none."""
    message: str
    fields: Mapping[str, Any]
    """Those of the caller, and the ids of the request, message or run."""
    text: str
    """The line as on a terminal, with the traceback of its error."""


class LogBook(Log):
    """Keeps what the application logs, from the level `info` on."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self._last = io.StringIO()
        self._lock = threading.Lock()
        super().__init__(self._last)

    def write(
        self,
        level: int,
        logger: str,
        message: object,
        entry: object = None,
        fields: Mapping[str, Any] | None = None,
        ids: Mapping[str, object] | None = None,
        error: BaseException | None = None,
        stack: str | None = None,
    ) -> None:
        with self._lock:  # several threads log, and the text is read back
            self._last.seek(0)
            self._last.truncate()
            super().write(level, logger, message, entry, fields, ids, error, stack)
            line = LogLine(
                level=logging.getLevelName(level).lower(),
                logger=logger,
                entry="" if entry is None else str(entry),
                message=str(message),
                fields={**(fields or {}), **(ids or {})},
                text=self._last.getvalue().rstrip("\n"),
            )
            self.lines.append(line)
            if len(self.lines) > 2 * _MOST:
                del self.lines[:_MOST]


class Capture:
    """Writes what loggers receive from one application into its book."""

    def __init__(self, book: LogBook, scope: ApplicationContext) -> None:
        self._scope = scope
        self._own = LogHandler(book, log_origin)
        self._python = LogHandler(book, log_origin)
        for handler in (self._own, self._python):
            handler.setLevel(logging.INFO)
            handler.addFilter(self._is_ours)
        # The runtime passes its records on to Python's loggers too, for others such as pytest.
        self._python.addFilter(lambda record: not record.name.startswith("runtime"))
        # That of its event loop; for the time before, the one that builds it.
        self._thread = threading.get_ident()

    def start(self) -> None:
        attach(self._own)
        logging.getLogger().addHandler(self._python)

    def move(self) -> None:
        """Called on the event loop of the application."""
        self._thread = threading.get_ident()

    def stop(self) -> None:
        detach(self._own)
        logging.getLogger().removeHandler(self._python)

    def _is_ours(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.INFO:
            return False
        call = current.get(None)
        if call is not None:
            return call.scope.whole is self._scope
        if threading.get_ident() == self._thread:
            return True
        # A thread of the runtime's, of this application or of another that runs beside it.
        is_main = threading.current_thread() is threading.main_thread()
        return record.name.startswith("runtime") and not is_main
