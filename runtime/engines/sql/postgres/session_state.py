"""Session state: what a statement leaves behind on its connection, as far as its words tell."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, takewhile
from typing import NamedTuple

from runtime.engines.sql.postgres.placeholder import tokens

_STAYS = "would stay with a connection that others use; "
_TEMPORARY = ("TEMP", "TEMPORARY")
_BEFORE = frozenset({"OR", "REPLACE", "GLOBAL", "LOCAL", *_TEMPORARY})
_LOCKS = ("PG_ADVISORY_LOCK", "PG_TRY_ADVISORY_LOCK", "PG_ADVISORY_UNLOCK")


class Refusal(NamedTuple):
    """The reasons to refuse a statement outside of a transaction and inside, if there are any."""

    alone: str | None = None
    inside: str | None = None


def find(verb: str, text: str) -> Refusal:
    """Find what outlives a statement: temporary tables, held cursors, locks, settings."""
    words = [found["word"].upper() for found in tokens(text) if found["word"]]
    if verb == "CREATE":
        before = takewhile(_BEFORE.__contains__, words[1:])  # `CREATE TABLE temp` is another thing
        if not set(_TEMPORARY).isdisjoint(before):
            return _temporary(words)
        return Refusal()  # calls in it are those of a function's body
    if verb == "DECLARE":
        reason = f"a cursor WITH HOLD {_STAYS}leave WITH HOLD out"
        return Refusal(None, reason) if ("WITH", "HOLD") in _pairs(words) else Refusal()
    if any(("INTO", word) in _pairs(words) for word in _TEMPORARY):
        reason = f"a temporary table {_STAYS}use CREATE TEMPORARY TABLE … ON COMMIT DROP"
        return Refusal(reason, reason)
    if lock := next((word for word in words if word.startswith(_LOCKS)), None):
        reason = f"{lock.lower()}() {_STAYS}use pg_advisory_xact_lock() in a transaction"
        return Refusal(reason, reason)
    if "SET_CONFIG" in words:
        reason = f"set_config() {_STAYS}use set_config(…, true) in a transaction"
        return Refusal(reason, reason if _sets_session(text) else None)
    return Refusal()


def _temporary(words: Sequence[str]) -> Refusal:
    mend = "make it in a transaction, with ON COMMIT DROP"
    reason = f"a temporary table {_STAYS}{mend}"
    drops = ("COMMIT", "DROP") in _pairs(words)
    return Refusal(reason, None if drops else reason)


def _pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    return list(pairwise(words))


def _sets_session(text: str) -> bool:
    """True if a call of set_config ends in `false`."""
    depth: int | None = None
    last = ""
    for found in tokens(text):
        if found["word"] and found["word"].upper() == "SET_CONFIG":
            depth, last = 0, ""
        elif depth is not None and found["word"]:
            last = found["word"].upper()
        elif depth is not None and found["mark"] in ("(", ")"):
            depth += 1 if found["mark"] == "(" else -1
            if depth == 0:
                if last == "FALSE":
                    return True
                depth = None
    return False
