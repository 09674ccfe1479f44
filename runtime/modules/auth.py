"""auth: tokens for clients, signed by an `auth.jwt` entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.handlers.context import component
from runtime.kinds.auth import Jwt

__all__ = ["Jwt", "sign"]


def sign(id: str, claims: Mapping[str, Any]) -> str:
    """A token of the `auth.jwt` entry `id`, with these claims, `iat` and `exp`.

    Raises LookupError for an unknown entry, TypeError for one of another kind, and what `Jwt.sign`
    raises.
    """
    signer: Jwt = component(id, "signer of tokens", "auth.jwt", "sign")
    return signer.sign(claims)
