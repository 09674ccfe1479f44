"""MemoryStore: values in this process, gone when it ends."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import Any

import msgspec

from runtime.clock import Clock, wait_for
from runtime.codec import decode_trusted
from runtime.engines.sql.contract import BlockingTransaction, Transaction
from runtime.engines.store.blocking import BlockingStore
from runtime.engines.store.contract import (
    Full,
    KeyValueStore,
    check_key,
    check_page,
    encode_value,
    is_expected,
    seconds_of,
)
from runtime.handlers.blocking import wait
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


class MemoryStore(KeyValueStore):
    """A store whose operations are done at once, on the event loop."""

    def __init__(self, id: str, limits: Limits, clock: Clock) -> None:
        self.values = MemoryValues(id, limits, clock)
        super().__init__(self.values)
        self.blocking = BlockingMemoryStore(self.values)
        self._clock = clock

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Drop what has expired, also if nobody uses the store any more."""
        ready()
        while not await wait_for(stop, EXPIRE, self._clock):
            self.values.expire()

    async def _run(
        self, transaction: Transaction | None, operation: Callable[..., Any], *arguments: Any
    ) -> Any:
        _forbid_transaction(transaction)
        return operation(*arguments)


class BlockingMemoryStore(BlockingStore):
    """Has the event loop do it: a store in memory is that of one thread."""

    def _run(
        self,
        transaction: BlockingTransaction | None,
        operation: Callable[..., Any],
        *arguments: Any,
    ) -> Any:
        async def work() -> Any:
            return operation(*arguments)

        _forbid_transaction(transaction)
        return wait(work(), "store")


class MemoryValues:
    """Keeps JSON, so that nobody can change a value that somebody else has got."""

    def __init__(self, id: str, limits: Limits, clock: Clock) -> None:
        self._id = id
        self._limits = limits
        self._time = clock.monotonic
        self._values: OrderedDict[str, _Value] = OrderedDict()
        self._size = 0
        self._expiring: list[tuple[float, str]] = []
        """A heap of when keys expire. Some of its entries are those of values long replaced."""

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str, default: Any) -> Any:
        value = self._live(key)
        if value is None:
            return default
        if self._limits.evicts:
            self._values.move_to_end(key)
        return decode_trusted(value.data)

    def set(self, key: str, value: Any, ttl: float | str | None) -> None:
        self._put(check_key(key), value, ttl)

    def delete(self, key: str) -> bool:
        if self._live(key) is None:
            return False
        self._remove(key)
        return True

    def compare_and_set(self, key: str, expected: Any, value: Any, ttl: float | str | None) -> bool:
        present = self._live(key)
        if not is_expected(None if present is None else present.data, expected):
            return False
        self._put(key, value, ttl)
        return True

    def keys(self, prefix: str, limit: int, after: str | None) -> list[str]:
        check_page(prefix, limit, after)
        self.expire()
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
        self.expire()
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

    def expire(self) -> None:
        """Drop what has expired."""
        now = self._time()
        while self._expiring and self._expiring[0][0] <= now:
            expires, key = heapq.heappop(self._expiring)
            value = self._values.get(key)
            if value is not None and value.expires == expires:
                self._remove(key)

    def _remove(self, key: str) -> None:
        self._size -= self._values.pop(key).size


def _forbid_transaction(transaction: object) -> None:
    """Raise ValueError if a store that keeps nothing in a database is given a transaction."""
    if transaction is not None:
        raise ValueError(
            "this store is in memory, which no transaction reaches; give it the kind store.sql"
        )
