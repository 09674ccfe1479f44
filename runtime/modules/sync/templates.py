"""templates: the same for handlers that are a plain `def`, since nothing in it waits."""

from __future__ import annotations

from runtime.modules.templates import page, render

__all__ = ["page", "render"]
