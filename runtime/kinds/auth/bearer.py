"""auth.bearer: a guard that lets in whoever has one of some tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from runtime.engines.web.auth.bearer import (
    BearerTokens,
    hash_token,
    identify,
    is_sendable,
    read_token,
    refusal,
)
from runtime.engines.web.exchange import Exchange
from runtime.findings.finding import Problem
from runtime.kind import BuildContext, Expected, Kind, Linked
from runtime.kinds.http import GUARDED

_HASH = re.compile(r"sha256:([0-9a-f]{64})")
_LEAST = 16
"""Characters of a token: fewer can be guessed from its hash."""
_MAKE = "make it by `openssl rand -hex 32`"


class Config(msgspec.Struct, frozen=True, kw_only=True):
    tokens: dict[str, str]
    realm: str | None


class Bearer:
    function = None

    def __init__(self, config: Config, context: BuildContext) -> None:
        self.id = context.id
        self.security = {"type": "http", "scheme": "bearer"}
        self._realm = config.realm
        self._tokens = BearerTokens(
            {owner: _digest(token) for owner, token in config.tokens.items()}
        )

    async def check(self, exchange: Exchange) -> None:
        owner = self._tokens.owner(read_token(exchange, self._realm))
        if owner is None:
            raise refusal(self._realm, "invalid_token", "the token is unknown")
        identify(exchange, user=owner)


def _digest(token: str) -> bytes:
    hashed = _HASH.fullmatch(token)
    return bytes.fromhex(hashed[1]) if hashed else hash_token(token)


def check(entry: Linked) -> Iterable[Problem]:
    owners: dict[bytes, str] = {}
    for owner, token in entry.fields["tokens"].items():
        path = ("tokens", owner)
        other = owners.setdefault(_digest(token), owner)
        if other != owner:
            yield Problem(path, f"the token of '{owner}' is that of '{other}'", "give it its own")
        elif _HASH.fullmatch(token):
            continue
        elif token.startswith("sha256:"):
            message = f"the hash of the token of '{owner}' is not 64 digits of 0-9 and a-f"
            yield Problem(path, message)
        elif entry.is_literal(*path):
            message = f"the token of '{owner}' stands here for everybody who reads the manifest"
            hint = "write its hash, 'sha256:' and what `printf %s TOKEN | sha256sum` prints"
            yield Problem(path, message, f"{hint}, or '${{secret:NAME}}'")
        elif len(token) < _LEAST:
            message = f"the token of '{owner}' has less than {_LEAST} characters: it can be guessed"
            yield Problem(path, message, _MAKE)
        elif not is_sendable(token.encode()):
            message = f"no client can send the token of '{owner}': it has other characters than"
            yield Problem(path, f"{message} letters, digits and -._~+/, or too many", _MAKE)


kind = Kind(
    "auth.bearer",
    Config,
    Bearer,
    check=check,
    expected=Expected(GUARDED, "nothing asks this guard"),
)
