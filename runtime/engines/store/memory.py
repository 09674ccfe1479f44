"""MemoryStore: values in this process, gone when it ends."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections import OrderedDict
from itertools import islice
from typing import Any

import msgspec

from runtime.clock import Clock, wait_for
from runtime.codec import decode_trusted
from runtime.engines.sql.contract import Transaction
from runtime.engines.store.blocking import Twin
from runtime.engines.store.contract import (
    Full,
    check_key,
    check_page,
    encode_value,
    forbid_transaction,
    is_expected,
    seconds_of,
)
from runtime.service import Ready

EXPIRE = 60.0
"""Seconds between two looks at what has expired."""
_OVERHEAD = 200
"""Bytes that a value takes beside its key and its JSON."""


class Limits(msgspec.Struct, frozen=True):
    """The bounds of a store in memory."""

    max_value: int
    """Bytes of one value as JSON."""
    max_size: int
    """Bytes of all, with their keys and some 200 bytes for each."""
    evicts: bool
    """True to drop what was used least recently, in place of refusing."""


class _Value(msgspec.Struct, gc=False):
    data: bytes
    size: int
    expires: float


class MemoryStore:
    """Keeps JSON, so that nobody can change a value that somebody else has got."""

    def __init__(self, id: str, limits: Limits, clock: Clock) -> None:
        self._id = id
        self._limits = limits
        self._clock = clock
        self._time = clock.monotonic
        self._values: OrderedDict[str, _Value] = OrderedDict()
        self._size = 0
        self._expiring: list[tuple[float, str]] = []
        """A heap of when keys expire. Some of its entries are those of values long replaced."""
        self.blocking = Twin(self)

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Drop what has expired, also if nobody uses the store any more."""
        ready()
        while not await wait_for(stop, EXPIRE, self._clock):
            self._expire()

    async def get(
        self, key: str, default: Any = None, *, transaction: Transaction | None = None
    ) -> Any:
        forbid_transaction(transaction)
        value = self._live(key)
        if value is None:
            return default
        if self._limits.evicts:
            self._values.move_to_end(key)
        return decode_trusted(value.data)

    async def set(
        self,
        key: str,
        value: Any,
        ttl: float | str | None = None,
        *,
        transaction: Transaction | None = None,
    ) -> None:
        forbid_transaction(transaction)
        self._put(check_key(key), value, ttl)

    async def delete(self, key: str, *, transaction: Transaction | None = None) -> bool:
        forbid_transaction(transaction)
        if self._live(key) is None:
            return False
        self._remove(key)
        return True

    async def compare_and_set(
        self,
        key: str,
        expected: Any,
        value: Any,
        ttl: float | str | None = None,
        *,
        transaction: Transaction | None = None,
    ) -> bool:
        forbid_transaction(transaction)
        present = self._live(key)
        if not is_expected(None if present is None else present.data, expected):
            return False
        self._put(key, value, ttl)
        return True

    async def keys(
        self, prefix: str = "", limit: int = 1000, after: str | None = None
    ) -> list[str]:
        check_page(prefix, limit, after)
        self._expire()
        found = (key for key in self._values if key.startswith(prefix))
        if after is not None:
            found = (key for key in found if key > after)
        return heapq.nsmallest(limit, found)

    def _live(self, key: str) -> _Value | None:
        value = self._values.get(check_key(key))
        if value is not None and value.expires <= self._time():
            self._remove(key)
            return None
        return value

    def _put(self, key: str, value: Any, ttl: float | str | None) -> None:
        data, lasts = encode_value(value, self._limits.max_value), seconds_of(ttl)
        expires = math.inf if lasts is None else self._time() + lasts
        size = len(data) + len(key.encode()) + _OVERHEAD
        self._expire()
        self._make_room(key, size)
        if key in self._values:
            self._remove(key)
        self._values[key] = _Value(data, size, expires)
        self._size += size
        if lasts is not None:
            heapq.heappush(self._expiring, (expires, key))
            if len(self._expiring) > 2 * len(self._values) + 100:
                self._expiring = [
                    (each.expires, other)
                    for other, each in self._values.items()
                    if each.expires < math.inf
                ]
                heapq.heapify(self._expiring)

    def _make_room(self, key: str, size: int) -> None:
        present = self._values.get(key)
        needed = self._size + size - (present.size if present else 0) - self._limits.max_size
        if needed <= 0:
            return
        if not self._limits.evicts or size > self._limits.max_size:
            raise Full(
                f"store '{self._id}' is full ('max_size' is {self._limits.max_size:,} bytes)"
            )
        while needed > 0:
            oldest = next(islice((each for each in self._values if each != key), 1))
            needed -= self._values[oldest].size
            self._remove(oldest)

    def _expire(self) -> None:
        """Drop what has expired."""
        now = self._time()
        while self._expiring and self._expiring[0][0] <= now:
            expires, key = heapq.heappop(self._expiring)
            value = self._values.get(key)
            if value is not None and value.expires == expires:
                self._remove(key)

    def _remove(self, key: str) -> None:
        self._size -= self._values.pop(key).size
