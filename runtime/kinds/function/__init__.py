"""Functions: handlers of requests and messages."""

from __future__ import annotations

from runtime.handlers.function import Function, Separable

__all__ = ["Function", "Separable"]
