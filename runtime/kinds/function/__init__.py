"""Functions: handlers of requests and messages."""

from __future__ import annotations

from runtime.handlers.function import Described, Function, Generating, Separable

__all__ = ["Described", "Function", "Generating", "Separable"]
