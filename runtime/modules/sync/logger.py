"""logger, for plain `def` handlers: the same functions, since none of them blocks."""

from __future__ import annotations

from runtime.modules.logger import Logger, debug, error, exception, info, warning

__all__ = ["Logger", "debug", "error", "exception", "info", "warning"]
