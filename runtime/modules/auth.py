"""auth: tokens for clients, signed by an `auth.jwt` entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.handlers.context import call
from runtime.kinds.auth import Jwt

__all__ = ["Jwt", "sign"]


def sign(id: str, claims: Mapping[str, Any]) -> str:
    """A token of the `auth.jwt` entry `id`, with these claims, `iat` and `exp`.

    Raises LookupError, with a hint, if there is no such entry, TypeError if it is of another kind,
    and what `Jwt.sign` raises.
    """
    caller = call()
    found = caller.scope.component(id, caller.entry.namespace)
    if not hasattr(found, "sign"):
        raise TypeError(f"'{id}' is no auth.jwt, which signs tokens")
    signer: Jwt = found
    return signer.sign(claims)
