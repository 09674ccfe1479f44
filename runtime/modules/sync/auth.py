"""auth, for plain `def` handlers: the same functions, since none of them blocks."""

from __future__ import annotations

from runtime.modules.auth import Jwt, sign

__all__ = ["Jwt", "sign"]
