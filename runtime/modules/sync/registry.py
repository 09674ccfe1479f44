"""registry, for plain `def` handlers: the same functions, since none of them blocks."""

from __future__ import annotations

from runtime.modules.registry import get

__all__ = ["get"]
