"""json, for plain `def` handlers: the same functions, since none of them blocks."""

from __future__ import annotations

from runtime.modules.json import InvalidJSON, NotJSON, decode, encode

__all__ = ["InvalidJSON", "NotJSON", "decode", "encode"]
