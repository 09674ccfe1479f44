"""Limits: the time that a transaction may take, and how it tells the server so."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from runtime.engines.sql.postgres.settings import Settings


class Limits(msgspec.Struct, frozen=True):
    """`begin` is the SQL that begins a transaction with its time-outs."""

    begin: bytes
    seconds: float
    by_statement: bool
    """True if each statement may take so long, and not all of them together."""


def for_handlers(settings: Settings) -> Limits:
    """Those of a handler's transaction, which may wait for whatever the handler does in it."""
    return Limits(_begin(settings.transaction()), settings.transaction_timeout, by_statement=False)


def for_statements(settings: Settings) -> Limits:
    """Those of statements that are committed together without a handler in between."""
    return Limits(_begin(settings.alone()), settings.statement_timeout, by_statement=True)


def for_migrations(settings: Settings) -> Limits:
    """Those of a change of the schema, which may take any time but waits for locks as others do."""
    local = {
        **settings.alone(),
        "statement_timeout": "0",
        "idle_in_transaction_session_timeout": "0",
    }
    return Limits(_begin(local), math.inf, by_statement=True)


def _begin(local: Mapping[str, str]) -> bytes:
    if not local:
        return b"BEGIN"
    calls = ", ".join(f"set_config({_text(n)}, {_text(v)}, true)" for n, v in local.items())
    return f"BEGIN; SELECT {calls}".encode()


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
