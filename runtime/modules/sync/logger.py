"""logger, for plain `def` handlers: the same calls, none of which waits."""

from __future__ import annotations

from runtime.modules.logger import debug, error, exception, info, warning

__all__ = ["debug", "error", "exception", "info", "warning"]
