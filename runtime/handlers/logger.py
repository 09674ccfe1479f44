"""Logger: log lines that name their entry and the request, message or run they belong to."""

from __future__ import annotations

import logging
import sys
from typing import Any

from runtime.handlers.context import current

_logger = logging.getLogger("handler")


class Logger:
    """Writes log lines for the handler that is being called; `fields` are further fields."""

    def debug(self, message: str, /, **fields: Any) -> None:
        _write(logging.DEBUG, message, fields)

    def info(self, message: str, /, **fields: Any) -> None:
        _write(logging.INFO, message, fields)

    def warning(self, message: str, /, **fields: Any) -> None:
        _write(logging.WARNING, message, fields)

    def error(self, message: str, /, **fields: Any) -> None:
        _write(logging.ERROR, message, fields)

    def exception(self, message: str, /, **fields: Any) -> None:
        """Write an error line with the traceback of the exception that is being handled."""
        _write(logging.ERROR, message, fields, sys.exception())


LOGGER = Logger()


def _write(
    level: int, message: str, fields: dict[str, Any], error: BaseException | None = None
) -> None:
    call = current.get(None)
    log = call.scope.log if call else None
    if log is not None and call is not None:
        if level >= log.level:
            ids = call.subject.log_ids
            log.write(level, _logger.name, message, call.entry, fields, ids, error)
    else:  # a unit test of a handler: to the standard library's loggers, for caplog
        text = " ".join((str(message), *(f"{name}={value}" for name, value in fields.items())))
        _logger.log(level, "%s", text, exc_info=error)
