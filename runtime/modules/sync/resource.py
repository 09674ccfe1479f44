"""resource: the same for handlers that are a plain `def`, since nothing in it waits."""

from __future__ import annotations

from runtime.modules.resource import ResourceClosed, Unavailable, get

__all__ = ["ResourceClosed", "Unavailable", "get"]
