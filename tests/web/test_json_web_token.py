"""Tokens that nobody would make: each is refused, and none is a failure of the program."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.clock import REAL
from runtime.engines.web.auth.json_web_token import InvalidToken, Key, Rules, Verifier

SECRET = "s" * 32
RULES = Rules(algorithms=["HS256"], issuers=["me"], audiences=["us"], required=["exp"], leeway=0)
VERIFIER = Verifier(RULES, [Key(SECRET, frozenset(["HS256"]))], REAL)

VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
CLAIMS = st.fixed_dictionaries(
    {}, optional={name: VALUES for name in ("exp", "nbf", "iat", "iss", "aud", "sub", "jti")}
)
HEADERS = st.fixed_dictionaries(
    {"alg": st.just("HS256") | VALUES},
    optional={name: VALUES for name in ("typ", "kid", "crit", "b64", "jwk", "x5u", "cty")},
)


def encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def signed(header: Any, claims: Any) -> str:
    """A token whose signature is right, whatever it says."""
    content = b".".join(encoded(json.dumps(each).encode()) for each in (header, claims))
    return (
        content + b"." + encoded(hmac.digest(SECRET.encode(), content, hashlib.sha256))
    ).decode()


@given(HEADERS, CLAIMS | VALUES)
def test_whatever_is_signed_is_accepted_or_refused(header: Any, claims: Any) -> None:
    try:
        found = VERIFIER.claims(signed(header, claims))
    except InvalidToken:
        return
    assert found["iss"] == "me"
    assert found["exp"] > 0


@given(st.text("eyJhbGciOiJIUzI1NiJ9.-_=AZ09", max_size=200))
def test_text_that_looks_like_a_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidToken):
        VERIFIER.claims(text)


@pytest.mark.parametrize("ends", [float("nan"), float("inf"), 10**400])
def test_a_time_that_never_comes_is_none(ends: float) -> None:
    claims = {"exp": ends, "iss": "me", "aud": "us"}

    with pytest.raises(InvalidToken, match="the claim 'exp' of the token is no time"):
        VERIFIER.claims(signed({"alg": "HS256"}, claims))


@pytest.mark.parametrize(
    "value", ["\ud800", float("nan"), 10**400, json.loads("[" * 200 + "]" * 200)]
)
def test_a_claim_that_our_json_does_not_take_is_refused_each_time(value: Any) -> None:
    token = signed({"alg": "HS256"}, {"exp": 2e9, "iss": "me", "aud": "us", "sub": value})

    for _ in range(2):
        with pytest.raises(InvalidToken, match="the token is malformed"):
            VERIFIER.claims(token)
