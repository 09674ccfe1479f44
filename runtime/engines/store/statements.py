"""Statements: what a store in a database does, the same for coroutines and for threads."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

import msgspec

from runtime.clock import Clock
from runtime.codec import decode_trusted
from runtime.engines.sql.contract import Result, Row
from runtime.engines.store.contract import (
    ABSENT,
    check_key,
    check_page,
    encode_value,
    end_of,
    is_expected,
    seconds_of,
)

AT_ONCE = 500
"""Rows that are deleted at once: others wait no longer for the table."""
_TRIES = 20

TABLE = """
CREATE TABLE IF NOT EXISTS runtime_store (store text NOT NULL, key text {collation} NOT NULL,
    value text NOT NULL, expires bigint, PRIMARY KEY (store, key));
CREATE INDEX IF NOT EXISTS runtime_store_expires ON runtime_store (store, expires)
    WHERE expires IS NOT NULL;
"""
COLLATIONS = {"PostgreSQL": 'COLLATE "C"'}
"""Of databases whose texts are not in the order of their characters anyway."""
_LIVE = "(expires IS NULL OR expires > ?)"
_GET = f"SELECT value FROM runtime_store WHERE store = ? AND key = ? AND {_LIVE}"
_INSERT = "INSERT INTO runtime_store (store, key, value, expires) VALUES (?, ?, ?, ?)"
_REPLACE = "DO UPDATE SET value = excluded.value, expires = excluded.expires"
_SET = f"{_INSERT} ON CONFLICT (store, key) {_REPLACE}"
_CREATE = f"{_SET} WHERE runtime_store.expires <= ?"
_CHANGE = f"""
UPDATE runtime_store SET value = ?, expires = ?
    WHERE store = ? AND key = ? AND value = ? AND {_LIVE}
"""
_DELETE = f"DELETE FROM runtime_store WHERE store = ? AND key = ? AND {_LIVE}"
_KEYS = f"SELECT key FROM runtime_store WHERE store = ? AND {_LIVE}"
_PURGE = f"""
DELETE FROM runtime_store WHERE store = ? AND key IN
    (SELECT key FROM runtime_store WHERE store = ? AND expires <= ? LIMIT {AT_ONCE})
"""

T = TypeVar("T")


class Query(msgspec.Struct, frozen=True):
    """A statement whose rows are the answer."""

    text: str
    parameters: tuple[Any, ...]


class Change(msgspec.Struct, frozen=True):
    """A statement whose effect is the answer, a Result."""

    text: str
    parameters: tuple[Any, ...]


Statements = Generator[Query | Change, Any, T]
"""The statements of a method, one after the other, and its result."""


class StoreStatements:
    """The statements of each method."""

    def __init__(self, name: str, max_value: int, clock: Clock) -> None:
        self._name = name
        self._max_value = max_value
        self._time = clock.time

    def get(self, key: str, default: Any) -> Statements[Any]:
        rows: list[Row] = yield Query(_GET, (self._name, check_key(key), self._now()))
        return decode_trusted(rows[0]["value"]) if rows else default

    def set(self, key: str, value: Any, ttl: float | str | None) -> Statements[None]:
        yield Change(_SET, (self._name, check_key(key), self._text(value), self._expires(ttl)))

    def delete(self, key: str) -> Statements[bool]:
        result: Result = yield Change(_DELETE, (self._name, check_key(key), self._now()))
        return result.rows_affected > 0

    def compare_and_set(
        self, key: str, expected: Any, value: Any, ttl: float | str | None
    ) -> Statements[bool]:
        name, text, expires = self._name, self._text(value), self._expires(ttl)
        result: Result
        if expected is ABSENT:
            row = (name, check_key(key), text, expires, self._now())
            result = yield Change(_CREATE, row)
            return result.rows_affected > 0
        # Two texts may be one value, so the text that was compared is what must still be there.
        for _ in range(_TRIES):
            rows: list[Row] = yield Query(_GET, (name, check_key(key), self._now()))
            present = rows[0]["value"] if rows else None
            if present is None or not is_expected(present.encode(), expected):
                return False
            change = (text, expires, name, key, present, self._now())
            result = yield Change(_CHANGE, change)
            if result.rows_affected:
                return True
        return False  # it was set to the same value all the time, and never stood still

    def keys(self, prefix: str, limit: int, after: str | None) -> Statements[list[str]]:
        check_page(prefix, limit, after)
        text, values = f"{_KEYS} AND key >= ?", [self._name, self._now(), prefix]
        if (end := end_of(prefix)) is not None:
            text, values = f"{text} AND key < ?", [*values, end]
        if after is not None:
            text, values = f"{text} AND key > ?", [*values, after]
        rows: list[Row] = yield Query(f"{text} ORDER BY key LIMIT ?", (*values, limit))
        return [row["key"] for row in rows]

    def purge(self) -> Change:
        return Change(_PURGE, (self._name, self._name, self._now()))

    def _text(self, value: Any) -> str:
        return encode_value(value, self._max_value).decode()

    def _expires(self, ttl: float | str | None) -> int | None:
        """Milliseconds since 1970 at which a value expires."""
        lasts = seconds_of(ttl)
        return None if lasts is None else self._now() + max(1, round(lasts * 1000))

    def _now(self) -> int:
        return round(self._time() * 1000)
