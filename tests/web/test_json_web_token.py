"""Tokens that were verified once: their claims are kept, and nothing else about them is."""

from __future__ import annotations

import asyncio
from typing import Any

import jwt
import pytest

from runtime.engines.web.auth import json_web_token
from runtime.engines.web.auth.json_web_token import (
    LONGEST,
    VERIFIED,
    InvalidToken,
    Key,
    Rules,
    Verifier,
)
from tests.support.clock import FakeClock

SECRET = "s" * 32
NOW = 1_700_000_000


class Counting:
    """A verifier, and how often PyJWT was asked for the claims of a token."""

    def __init__(self) -> None:
        rules = Rules(algorithms=["HS256"], issuers=[], audiences=[], required=[], leeway=0)
        self.time = FakeClock(NOW)
        keys = [Key(SECRET, frozenset(["HS256"]))]
        self.claims = Verifier(rules, keys, self.time.clock).claims
        self.asked = 0


@pytest.fixture
def verifier(monkeypatch: pytest.MonkeyPatch) -> Counting:
    counting, decode = Counting(), jwt.decode

    def count(*arguments: Any, **options: Any) -> Any:
        counting.asked += 1
        return decode(*arguments, **options)

    monkeypatch.setattr(json_web_token.jwt, "decode", count)
    return counting


def signed(**claims: Any) -> str:
    return jwt.encode(claims, SECRET, algorithm="HS256")


def test_a_token_is_verified_once(verifier: Counting) -> None:
    token = signed(sub="ada", roles=["a"])

    for _ in range(3):
        assert verifier.claims(token) == {"sub": "ada", "roles": ["a"]}
    assert verifier.asked == 1


def test_a_handler_that_changes_its_claims_changes_those_of_nobody_else(verifier: Counting) -> None:
    token = signed(sub="ada", roles=["a"])
    for _ in range(2):
        verifier.claims(token)["roles"].append("admin")

    assert verifier.claims(token)["roles"] == ["a"]


def test_a_verified_token_expires(verifier: Counting) -> None:
    token = signed(sub="ada", exp=NOW + 60)
    assert verifier.claims(token)["sub"] == "ada"
    asyncio.run(verifier.time.advance(60))

    with pytest.raises(InvalidToken, match="has expired"):
        verifier.claims(token)


def test_a_token_that_is_refused_is_not_kept(verifier: Counting) -> None:
    header, payload, _ = signed(sub="ada").split(".")
    for _ in range(2):
        with pytest.raises(InvalidToken, match="signature"):
            verifier.claims(f"{header}.{payload}.c2ln")
    assert verifier.asked == 2


def test_so_many_are_kept_and_none_that_is_long(verifier: Counting) -> None:
    first, long = signed(sub="0"), signed(sub="x" * LONGEST)
    for token in (first, long, long):
        verifier.claims(token)
    assert verifier.asked == 3

    for number in range(1, VERIFIED + 1):
        verifier.claims(signed(sub=str(number)))
    verifier.claims(signed(sub=str(VERIFIED)))
    assert verifier.asked == 3 + VERIFIED
    verifier.claims(first)
    assert verifier.asked == 3 + VERIFIED + 1


def test_claims_that_json_cannot_say_are_not_kept(verifier: Counting) -> None:
    token = signed(sub="ada", n=float("nan"))

    for _ in range(2):
        assert verifier.claims(token)["sub"] == "ada"
    assert verifier.asked == 2
