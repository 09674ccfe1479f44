"""registry, for plain `def` handlers: the same calls, none of which waits."""

from __future__ import annotations

from runtime.modules.registry import get

__all__ = ["get"]
