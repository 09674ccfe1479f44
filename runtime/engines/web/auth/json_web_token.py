"""JSON Web Token (RFC 7519): checked and signed by PyJWT, with the application's clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jwt
import msgspec

from runtime import codec
from runtime.clock import Clock

_ELSEWHERE = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
"""Checks of times, which PyJWT would make by the system's clock."""


VERIFIED = 1024
"""The most tokens whose claims are kept."""
LONGEST = 4096
"""The characters of a token that may be."""


class InvalidToken(Exception):
    """A token is not accepted. The text says why, in words for the client."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The demands on a token. `leeway` is in seconds."""

    algorithms: Sequence[str]
    issuers: Sequence[str]
    audiences: Sequence[str]
    required: Sequence[str]
    leeway: float


class Key(msgspec.Struct, frozen=True, eq=False):
    """A key, and the tokens that it may have signed."""

    value: Any
    algorithms: frozenset[str]
    id: str | None = None
    """The `kid` that a token must name; None for a key of any token."""


class Verifier:
    """Checks tokens."""

    def __init__(self, rules: Rules, keys: Iterable[Key], clock: Clock) -> None:
        self._rules = rules
        self._keys = [*keys]
        self._now = clock.time
        self._verified: dict[str, bytes] = {}
        """The claims of tokens, as JSON, since whoever gets them may change them. PyJWT takes 60 µs
        for a token, and a client sends the same one again and again."""
        self._options: Any = {
            **_ELSEWHERE,
            "require": [*rules.required],
            "verify_aud": True,
            "verify_iss": bool(rules.issuers),
        }

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a token. Raises InvalidToken."""
        kept = self._verified.get(token)
        if kept is not None:
            claims: dict[str, Any] = codec.decode(kept)
        else:
            claims = self._verify(token)
            self._check_times(claims)
            self._keep(token, claims)
            return claims
        self._check_times(claims)
        return claims

    def _keep(self, token: str, claims: Mapping[str, Any]) -> None:
        """Raises InvalidToken for what PyJWT's reader takes, and ours does not: a NaN, a lone
        surrogate, a number or a depth without bounds.
        """
        try:
            data = codec.encode_response(claims)
            codec.decode(data)
        except (codec.NotJSON, codec.InvalidJSON):
            raise InvalidToken("the token is malformed") from None
        if len(token) > LONGEST:
            return
        if len(self._verified) >= VERIFIED:
            del self._verified[next(iter(self._verified))]
        self._verified[token] = data

    def _verify(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            algorithm: Any = header.get("alg")
            if algorithm not in self._rules.algorithms:
                raise InvalidToken("the algorithm of the token is not accepted")
            claims = self._decode(token, algorithm, header.get("kid"))
        except jwt.PyJWTError as error:
            raise InvalidToken(_reason(error)) from None
        except (ValueError, TypeError, RecursionError):  # of what is no JSON Web Token at all
            raise InvalidToken("the token is malformed") from None
        return claims

    def _decode(self, token: str, algorithm: str, id: str | None) -> dict[str, Any]:
        wrong: Exception = jwt.InvalidSignatureError()
        for key in self._keys:
            if algorithm not in key.algorithms or (key.id is not None and key.id != id):
                continue
            try:
                return jwt.decode(
                    token,
                    key.value,
                    algorithms=[algorithm],
                    options=self._options,
                    audience=[*self._rules.audiences] or None,
                    issuer=[*self._rules.issuers] or None,
                )
            except (jwt.InvalidSignatureError, jwt.InvalidKeyError) as error:
                wrong = error  # another key may have signed it
        raise wrong

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now, leeway = self._now(), self._rules.leeway
        if (ends := _moment(claims, "exp")) is not None and ends <= now - leeway:
            raise InvalidToken("the token has expired")
        for claim in ("nbf", "iat"):
            if (begins := _moment(claims, claim)) is not None and begins > now + leeway:
                raise InvalidToken("the token is not valid yet")


class Signer:
    """Signs tokens that are valid for `expires` seconds."""

    def __init__(
        self, secret: str, algorithm: str, rules: Rules, expires: float, clock: Clock
    ) -> None:
        self._secret = secret
        self._algorithm = algorithm
        self._rules = rules
        self._expires = expires
        self._now = clock.time

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A token with these claims, `iat` and `exp`, and the first issuer and audience of the
        rules. Raises TypeError for a claim that JSON cannot represent.
        """
        now = int(self._now())
        added: dict[str, Any] = {"iat": now, "exp": now + round(self._expires)}
        if self._rules.issuers:
            added["iss"] = self._rules.issuers[0]
        if self._rules.audiences:
            added["aud"] = self._rules.audiences[0]
        return jwt.encode({**added, **claims}, self._secret, algorithm=self._algorithm)


def keys_of_set(document: Mapping[str, Any], algorithms: Sequence[str]) -> list[Key]:
    """The keys of a JWK set (RFC 7517) that fit one of the algorithms.

    Raises ValueError, with the reason, if one of them is malformed.
    """
    return [
        Key(_jwk(jwk, algorithm), frozenset([algorithm]), jwk.get("kid"))
        for jwk in document["keys"]
        if jwk.get("use", "sig") == "sig"
        for algorithm in algorithms
        if _fits(jwk, algorithm)
    ]


def _jwk(jwk: Mapping[str, Any], algorithm: str) -> jwt.PyJWK:
    try:
        return jwt.PyJWK.from_dict(dict(jwk), algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"the key '{jwk.get('kid', '')}' is malformed: {error}") from None


_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}


def _fits(jwk: Mapping[str, Any], algorithm: str) -> bool:
    if jwk.get("alg", algorithm) != algorithm:
        return False
    match jwk.get("kty"):
        case "oct":
            return algorithm.startswith("HS")
        case "RSA":
            return algorithm.startswith(("RS", "PS"))
        case _:
            return _CURVES.get(jwk.get("crv", "")) == algorithm


_FAR = 1e18
"""Seconds that are no time any more."""


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    # JSON of Python's own reader may be NaN, which no comparison would call expired
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _FAR:
        raise InvalidToken(f"the claim '{name}' of the token is no time")
    return value


def _reason(error: jwt.PyJWTError) -> str:
    match error:
        case jwt.MissingRequiredClaimError(claim=claim):
            return f"the token has no claim '{claim}'"
        case jwt.InvalidAudienceError():
            return "the token is for another audience"
        case jwt.InvalidIssuerError():
            return "the token is of another issuer"
        case jwt.InvalidSignatureError() | jwt.InvalidKeyError():
            return "the signature of the token is wrong"
        case _:
            return "the token is malformed"
