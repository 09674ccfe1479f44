"""logger: log lines that say which entry wrote them, and for which request or message."""

from __future__ import annotations

import logging
import sys
from typing import Any

from runtime.handlers.context import current

_logger = logging.getLogger("handler")


def debug(message: str, /, **fields: Any) -> None:
    _write(logging.DEBUG, message, fields)


def info(message: str, /, **fields: Any) -> None:
    _write(logging.INFO, message, fields)


def warning(message: str, /, **fields: Any) -> None:
    _write(logging.WARNING, message, fields)


def error(message: str, /, **fields: Any) -> None:
    _write(logging.ERROR, message, fields)


def exception(message: str, /, **fields: Any) -> None:
    """An error line with the traceback of the exception that is handled now."""
    _write(logging.ERROR, message, fields, sys.exception())


def _write(
    level: int, message: str, fields: dict[str, Any], fault: BaseException | None = None
) -> None:
    here = current.get(None)
    log = here.scope.log if here else None
    if log is not None and here is not None:
        if level >= log.level:
            log.write(level, _logger.name, message, here.entry, fields, here.subject, fault)
    else:  # a unit test: the standard library's loggers, where caplog finds it
        text = " ".join((str(message), *(f"{name}={value}" for name, value in fields.items())))
        _logger.log(level, "%s", text, exc_info=fault)
