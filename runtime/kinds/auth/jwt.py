"""auth.jwt: a guard that lets in whoever has a JSON Web Token, and can sign them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from runtime import codec
from runtime.engines.web.auth.bearer import identify, read_token, refusal
from runtime.engines.web.exchange import Exchange
from runtime.findings.extra import missing_package
from runtime.findings.finding import Note, Problem
from runtime.kind import BuildContext, Expected, Kind, Linked
from runtime.kinds.http import GUARDED

_SOURCES = ("secret", "key", "jwks")
_PEM = "-----BEGIN "
_LEAST = {"HS256": 32, "HS384": 48, "HS512": 64}
"""Bytes of a secret by RFC 7518: as many as the hash has."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    algorithms: list[str]
    secret: str | list[str] | None
    key: str | list[str] | None
    jwks: str | dict[str, Any] | None
    issuer: str | list[str] | None
    audience: str | list[str] | None
    required: list[str]
    leeway: float
    expires: float
    realm: str | None


class JwtGuard:
    function = None

    def __init__(self, config: Config, context: BuildContext) -> None:
        from runtime.engines.web.auth.json_web_token import (  # needs the extra
            InvalidToken,
            Key,
            Rules,
            Signer,
            Verifier,
            keys_of_set,
        )

        self.id = context.id
        self.security = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        rules = Rules(
            algorithms=config.algorithms,
            issuers=_listed(config.issuer),
            audiences=_listed(config.audience),
            required=config.required,
            leeway=config.leeway,
        )
        secrets = _listed(config.secret)
        context.scope.redactor.hide(secrets)
        algorithms = frozenset(config.algorithms)
        keys = [Key(value, algorithms) for value in (*secrets, *_listed(config.key))]
        if config.jwks is not None:
            keys = keys_of_set(_key_set(config.jwks), config.algorithms)
        self._invalid = InvalidToken
        self._realm = config.realm
        self._verifier = Verifier(rules, keys, context.clock)
        self._signer = (
            Signer(secrets[0], config.algorithms[0], rules, config.expires, context.clock)
            if secrets
            else None
        )

    async def check(self, exchange: Exchange) -> None:
        token = read_token(exchange, self._realm)
        try:
            claims = self._verifier.claims(token)
        except self._invalid as error:
            raise refusal(self._realm, "invalid_token", str(error)) from None
        identify(exchange, claims=claims, user=claims.get("sub"))

    def sign(self, claims: Mapping[str, Any]) -> str:
        if self._signer is None:
            raise RuntimeError(f"'{self.id}' has no 'secret' to sign with; it checks tokens only")
        return self._signer.sign(claims)


def _listed(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else value or []


def _key_set(jwks: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """The JWK set in a field. Raises ValueError if it is none."""
    try:
        document = codec.decode(jwks.encode()) if isinstance(jwks, str) else jwks
    except codec.InvalidJSON as error:
        raise ValueError(f"this is no JWK set, since it is no JSON: {error}") from None
    keys = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(keys, list) or not all(isinstance(key, Mapping) for key in keys):
        raise ValueError("this is no JWK set: an object whose 'keys' is a list of objects")
    return document


def check(entry: Linked) -> Iterable[Problem]:
    algorithms: list[str] = entry.fields["algorithms"]
    symmetric = [name for name in algorithms if name.startswith("HS")]
    needed = ["jwt"] if len(symmetric) == len(algorithms) else ["jwt", "cryptography"]
    if missing := [*missing_package("jwt", "PyJWT with cryptography", *needed)]:
        yield from missing
        return
    given = [name for name in _SOURCES if entry.fields.get(name) is not None]
    if len(given) != 1:
        message = f"there is {' and '.join(given) or 'no key'}: tokens are checked by one of them"
        yield Problem((given[-1],) if given else (), message, "write 'secret', 'key' or 'jwks'")
        return
    if symmetric and len(symmetric) < len(algorithms):
        message = f"'algorithms' mixes {symmetric[0]} with others: a public key would be its secret"
        yield Problem(("algorithms",), message, "make two entries of it")
    elif given == ["secret"] and not symmetric:
        message = f"'secret' is for HS256, HS384 and HS512, not for {algorithms[0]}"
        yield Problem(("secret",), message, "write the public key as 'key'")
    elif given == ["key"] and symmetric:
        yield Problem(("key",), f"'key' is a public key, not for {symmetric[0]}", "write 'secret'")
    else:
        yield from _check_keys(entry, given[0], algorithms)


def _check_keys(entry: Linked, source: str, algorithms: list[str]) -> Iterable[Problem]:
    value = entry.fields[source]
    if source == "jwks":
        yield from _check_set(value, algorithms)
        return
    for index, each in enumerate(_listed(value)):
        path = (source,) if isinstance(value, str) else (source, index)
        if source == "key":
            yield from _check_public(path, each)
        elif each.lstrip().startswith(_PEM):
            yield Problem(path, "this is a key of a pair, and no secret", "write it as 'key'")
        elif len(each.encode()) < (least := max(_LEAST[name] for name in algorithms)):
            message = f"the secret has less than {least} bytes, of which {algorithms[0]} is made"
            yield Problem(path, message, f"make it by `openssl rand -hex {least}`")
        elif entry.is_literal(*path):
            message = "the secret stands here for everybody who reads the manifest"
            yield Note(path, message, "write '${secret:NAME}'")


def _check_set(jwks: str | Mapping[str, Any], algorithms: list[str]) -> Iterable[Problem]:
    from runtime.engines.web.auth.json_web_token import keys_of_set

    try:
        if not keys_of_set(_key_set(jwks), algorithms):
            yield Problem(("jwks",), f"no key of this set is for {' or '.join(algorithms)}")
    except ValueError as error:
        yield Problem(("jwks",), str(error))


def _check_public(path: tuple[str | int, ...], key: str) -> Iterable[Problem]:
    if not key.lstrip().startswith(_PEM):
        message = "this is no public key in PEM form, which begins with '-----BEGIN PUBLIC KEY'"
        yield Problem(path, message, "write '${file:./public.pem}'")
    elif "PRIVATE KEY" in key:
        message = "this is a private key, which whoever only checks tokens should not have"
        yield Problem(path, message, "give the public one: openssl pkey -pubout")


kind = Kind(
    "auth.jwt",
    Config,
    JwtGuard,
    check=check,
    expected=Expected(GUARDED, "nothing asks this guard"),
)
