"""Records: what is written through `logging`, in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from runtime.log.log import Log, text_of
from runtime.loggers import direct

Origin = Callable[[], tuple[object, Mapping[str, object]] | None]
"""Returns the entry and the ids of the current call; None outside of a handler."""

_ATTRIBUTES = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}
_IDS = ("request_id", "message_id")
"""Extras of a record that identify what it is about."""
_OUTSIDE_CALLS = ("runtime", "asyncio")
"""Loggers whose records a handler did not cause, even if its call is the current one."""


class LogHandler(logging.Handler):
    """Writes the records of loggers to a log. Raises nothing into the program that logs.

    A record of a handler's, or of a library it calls, gets the entry and the ids of the call.
    """

    def __init__(self, log: Log, origin: Origin) -> None:
        super().__init__()
        self._log = log
        self._origin = origin

    def handle(self, record: logging.LogRecord) -> bool:
        """Emit without the lock: a line is one write, and a signal's handler that logged within
        it would wait for itself.
        """
        kept = self.filter(record)
        if kept:
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return bool(kept)

    def emit(self, record: logging.LogRecord) -> None:
        message = _message(record)
        try:
            self._emit(record, message)
        except Exception as fault:
            fields = {"left_out": f"fields: {type(fault).__name__}"}
            self._log.write(record.levelno, record.name, message, fields=fields)

    def _emit(self, record: logging.LogRecord, message: str) -> None:
        extra = {name: value for name, value in record.__dict__.items() if name not in _ATTRIBUTES}
        entry = extra.pop("entry", None)
        ids = {name: extra.pop(name) for name in _IDS if name in extra}
        caused = entry is None and record.name.partition(".")[0] not in _OUTSIDE_CALLS
        if caused and (origin := self._origin()) is not None:
            entry, call_ids = origin
            ids = {**call_ids, **ids}
        self._log.write(
            record.levelno,
            record.name,
            message,
            entry,
            _fields(extra),
            ids,
            _error(record),
            record.stack_info,
        )


def _message(record: logging.LogRecord) -> str:
    """The text of a record. Arguments that do not fit the format must not lose the line."""
    try:
        return record.getMessage()
    except Exception as wrong:
        parts = [text_of(record.msg), text_of(record.args), f"({text_of(wrong, str)})"]
        return " ".join(parts)


def _fields(extra: dict[str, Any]) -> dict[str, Any]:
    """`fields` is ours if it is a mapping, and else a field like all others: a library's."""
    fields = extra.pop("fields", None)
    if isinstance(fields, Mapping):
        return {**fields, **extra}
    return extra if fields is None else {"fields": fields, **extra}


def _error(record: logging.LogRecord) -> BaseException | None:
    if not isinstance(record.exc_info, tuple):
        return None
    return next((each for each in record.exc_info if isinstance(each, BaseException)), None)


def install(log: Log, origin: Origin) -> None:
    """Make `log` the only output of the runtime's loggers, and of Python's until they change it."""
    direct(LogHandler(log, origin), log.level)
    root = logging.getLogger()
    for handler in [*root.handlers]:
        root.removeHandler(handler)
    root.addHandler(LogHandler(log, origin))
    root.setLevel(log.level)
    logging.captureWarnings(True)
    # asyncio reports its choice of selector and slow callbacks below that
    logging.getLogger("asyncio").setLevel(max(log.level, logging.WARNING))
