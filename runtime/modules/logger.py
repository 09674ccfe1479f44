"""logger: log lines that name their entry and the request, message or run they belong to.

`debug`, `info`, `warning`, `error` and `exception` take a message and fields. The annotation
`logger.Logger` gives a handler an object with these methods.
"""

from __future__ import annotations

from runtime.handlers.logger import LOGGER, Logger

__all__ = ["Logger", "debug", "error", "exception", "info", "warning"]

debug = LOGGER.debug
info = LOGGER.info
warning = LOGGER.warning
error = LOGGER.error
exception = LOGGER.exception
