"""Functions: handlers of requests and messages."""

from __future__ import annotations

from runtime.handlers.function import Function

__all__ = ["Function"]
