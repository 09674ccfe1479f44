"""The contract of stores: JSON values by key, each with a time to live if it is given one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from runtime.codec import decode_trusted, encode
from runtime.engines.sql.contract import Transaction
from runtime.units import parse_duration

if TYPE_CHECKING:
    from runtime.engines.store.blocking import BlockingStore

LONGEST_KEY = 512
"""Characters of a key."""
MOST_KEYS = 10_000
"""Keys that are listed at once, at most."""
_LAST = "\U0010ffff"
_LONGEST_TTL = 1000 * 365 * 86_400.0
_SURROGATES = range(0xD800, 0xE000)


class Absent(Enum):
    """The type of ABSENT."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "store.ABSENT"


ABSENT: Final = Absent.ABSENT
"""For `compare_and_set`: there must be no value."""


class Full(Exception):
    """A store holds as much as it may."""

    http_status = 503
    retry_after = 1.0


class Operations(Protocol):
    """The methods of a store without their transaction, each of which returns what the store's
    `_run` makes the answer of.
    """

    def get(self, key: str, default: Any) -> Any: ...

    def set(self, key: str, value: Any, ttl: float | str | None) -> Any: ...

    def delete(self, key: str) -> Any: ...

    def compare_and_set(
        self, key: str, expected: Any, value: Any, ttl: float | str | None
    ) -> Any: ...

    def keys(self, prefix: str, limit: int, after: str | None) -> Any: ...


class KeyValueStore(ABC):
    """Values that JSON can represent, by key. What is returned is a copy.

    Keys are 1 to 512 characters. `ttl` is in seconds or a text such as `30m`, after which a value
    is gone; without it, it stays. A `transaction` of the database that keeps the values takes part
    in their change. Every method raises TypeError and ValueError for what is no key, value or ttl,
    and Unavailable if the database of the store is away.
    """

    blocking: BlockingStore
    """The same store, for plain functions in threads."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    @abstractmethod
    async def _run(
        self, transaction: Transaction | None, operation: Callable[..., Any], *arguments: Any
    ) -> Any:
        """The answer of one of the operations. Raises ValueError for a transaction that cannot take
        part.
        """

    async def get(
        self, key: str, default: Any = None, *, transaction: Transaction | None = None
    ) -> Any:
        """The value of a key, or `default` if there is none."""
        return await self._run(transaction, self._operations.get, key, default)

    async def set(
        self,
        key: str,
        value: Any,
        ttl: float | str | None = None,
        *,
        transaction: Transaction | None = None,
    ) -> None:
        """Set a value, in place of the one before and its ttl. Raises NotJSON, and Full."""
        await self._run(transaction, self._operations.set, key, value, ttl)

    async def delete(self, key: str, *, transaction: Transaction | None = None) -> bool:
        """Delete a value. Returns False if there was none."""
        deleted: bool = await self._run(transaction, self._operations.delete, key)
        return deleted

    async def compare_and_set(
        self,
        key: str,
        expected: Any,
        value: Any,
        ttl: float | str | None = None,
        *,
        transaction: Transaction | None = None,
    ) -> bool:
        """Set a value if the present one is `expected`, in one step: of several that try, one gets
        True. `expected` is a value, or ABSENT. Raises as `set` does.
        """
        operation = self._operations.compare_and_set
        is_set: bool = await self._run(transaction, operation, key, expected, value, ttl)
        return is_set

    async def keys(
        self, prefix: str = "", limit: int = 1000, after: str | None = None
    ) -> list[str]:
        """Keys that begin with `prefix`, in the order of their characters; `after` is the last one
        of the page before. Raises ValueError for a limit that is not 1 to 10,000.
        """
        found: list[str] = await self._run(None, self._operations.keys, prefix, limit, after)
        return found


def check_key(key: str) -> str:
    """The key, if it is one. Raises TypeError or ValueError."""
    if not isinstance(key, str):
        raise TypeError(f"a key is of type {type(key).__name__}, not str")
    if not 0 < len(key) <= LONGEST_KEY:
        raise ValueError(f"a key has {len(key):,} characters, not 1 to {LONGEST_KEY}")
    return _check_text(key, "a key")


def check_page(prefix: str, limit: int, after: str | None) -> None:
    """Raise TypeError or ValueError for arguments of `keys` that mean nothing."""
    for text, name in ((prefix, "prefix"), ("" if after is None else after, "after")):
        if not isinstance(text, str):
            raise TypeError(f"'{name}' is of type {type(text).__name__}, not str")
        _check_text(text, f"'{name}'")
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST_KEYS:
        raise ValueError(f"'limit' is {limit!r}, not 1 to {MOST_KEYS:,}")


def encode_value(value: Any, max_value: int) -> bytes:
    """A value as JSON. Raises NotJSON, and ValueError if it is longer than `max_value` bytes."""
    data = encode(value, "value")
    if len(data) > max_value:
        raise ValueError(f"a value has {len(data):,} bytes, and 'max_value' allows {max_value:,}")
    return data


def seconds_of(ttl: float | str | None) -> float | None:
    """Seconds of a ttl. Raises TypeError or ValueError."""
    if ttl is None:
        return None
    if isinstance(ttl, bool) or not isinstance(ttl, int | float | str):
        raise TypeError(f"'ttl' is of type {type(ttl).__name__}, not seconds or a text such as 30m")
    value = parse_duration(ttl) if isinstance(ttl, str) else ttl
    if not value > 0:
        raise ValueError(f"'ttl' is {ttl}, not more than 0 seconds")
    if value > _LONGEST_TTL:
        raise ValueError(f"'ttl' is {ttl}, longer than 1,000 years; leave it out for no end")
    return float(value)


def is_expected(data: bytes | None, expected: Any) -> bool:
    """True if the JSON of a value, None for no value, is that of the expected one."""
    if data is None or expected is ABSENT:
        return data is None and expected is ABSENT
    return _canonical(decode_trusted(data)) == _canonical(expected)


def _canonical(value: Any) -> bytes:
    """The JSON of a value with the keys of its objects in order: 1, 1.0 and true all differ."""
    return msgspec.json.encode(value, order="deterministic")


def end_of(prefix: str) -> str | None:
    """The first text behind all that begin with `prefix`; None if there is none."""
    stem = prefix.rstrip(_LAST)
    if not stem:
        return None
    following = ord(stem[-1]) + 1
    return stem[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)


def _check_text(text: str, name: str) -> str:
    if "\0" in text:
        raise ValueError(f"{name} has a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} has a lone surrogate") from None
    return text
