"""Bearer: the token in the `Authorization` header, as RFC 6750 has it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError

MAX_TOKEN = 16 * 1024
"""Bytes of a token; longer ones are refused before anything is computed."""

_TOKEN = re.compile(rb"[A-Za-z0-9\-._~+/]+=*")


def read_token(exchange: Exchange, realm: str | None) -> str:
    """The bearer token of a request.

    Raises `HTTPError` with `WWW-Authenticate`: 401 if there is none, or one that cannot be right;
    400 for several `Authorization` headers.
    """
    given = [value for name, value in exchange.scope["headers"] if name == b"authorization"]
    if len(given) > 1:
        raise refusal(realm, "invalid_request", "there is more than one Authorization header", 400)
    scheme, _, token = given[0].partition(b" ") if given else (b"", b"", b"")
    if scheme.lower() != b"bearer":
        raise refusal(realm)
    token = token.strip(b" ")
    if not is_sendable(token):
        raise refusal(realm, "invalid_token", "the token is malformed")
    return token.decode("ascii")


def is_sendable(token: bytes) -> bool:
    """True if an `Authorization` header may have that token: letters, digits and `-._~+/`."""
    return len(token) <= MAX_TOKEN and _TOKEN.fullmatch(token) is not None


def refusal(
    realm: str | None, error: str = "", description: str = "", status: int = 401
) -> HTTPError:
    """The response to a request whose token is not accepted, or that has none.

    `error` is a code of RFC 6750; none of them is for a request without a token.
    """
    attributes = {"realm": realm, "error": error, "error_description": description}
    written = ", ".join(f'{name}="{value}"' for name, value in attributes.items() if value)
    return HTTPError(
        status,
        description or "a bearer token is needed",
        headers={"WWW-Authenticate": f"Bearer {written}".rstrip()},
    )


class BearerTokens:
    """Tokens by the names of their owners, kept as SHA-256 digests."""

    def __init__(self, digests: Mapping[str, bytes]) -> None:
        self._digests = [*digests.items()]

    def owner(self, token: str) -> str | None:
        """The owner of a token. It takes as long for a wrong one, and whoever the owner is."""
        digest = hash_token(token)
        owner = None
        for name, expected in self._digests:
            if compare_digest(digest, expected):
                owner = name
        return owner


def hash_token(token: str) -> bytes:
    """SHA-256: quick, which is enough for tokens that are random and long."""
    return hashlib.sha256(token.encode()).digest()


def identify(exchange: Exchange, **found: Any) -> None:
    """Leave what is known of a client in `request.state`."""
    exchange.scope.setdefault("state", {}).update(found)
