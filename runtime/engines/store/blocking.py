"""The contract of stores, for plain functions in threads, and the twin of one on the event loop."""

from __future__ import annotations

from typing import Any, Protocol

from runtime.engines.sql.contract import BlockingTransaction
from runtime.engines.store.contract import KeyValueStore, forbid_transaction
from runtime.handlers.blocking import wait


class BlockingStore(Protocol):
    """`KeyValueStore`, for threads: a call blocks until it is done."""

    def get(
        self, key: str, default: Any = None, *, transaction: BlockingTransaction | None = None
    ) -> Any: ...

    def set(
        self,
        key: str,
        value: Any,
        ttl: float | str | None = None,
        *,
        transaction: BlockingTransaction | None = None,
    ) -> None: ...

    def delete(self, key: str, *, transaction: BlockingTransaction | None = None) -> bool: ...

    def compare_and_set(
        self,
        key: str,
        expected: Any,
        value: Any,
        ttl: float | str | None = None,
        *,
        transaction: BlockingTransaction | None = None,
    ) -> bool: ...

    def keys(self, prefix: str = "", limit: int = 1000, after: str | None = None) -> list[str]: ...


class Twin:
    """Has the event loop do it, for a store that takes no transactions."""

    def __init__(self, store: KeyValueStore) -> None:
        self._store = store

    def get(
        self, key: str, default: Any = None, *, transaction: BlockingTransaction | None = None
    ) -> Any:
        forbid_transaction(transaction)
        return wait(self._store.get(key, default), "store")

    def set(
        self,
        key: str,
        value: Any,
        ttl: float | str | None = None,
        *,
        transaction: BlockingTransaction | None = None,
    ) -> None:
        forbid_transaction(transaction)
        wait(self._store.set(key, value, ttl), "store")

    def delete(self, key: str, *, transaction: BlockingTransaction | None = None) -> bool:
        forbid_transaction(transaction)
        return wait(self._store.delete(key), "store")

    def compare_and_set(
        self,
        key: str,
        expected: Any,
        value: Any,
        ttl: float | str | None = None,
        *,
        transaction: BlockingTransaction | None = None,
    ) -> bool:
        forbid_transaction(transaction)
        return wait(self._store.compare_and_set(key, expected, value, ttl), "store")

    def keys(self, prefix: str = "", limit: int = 1000, after: str | None = None) -> list[str]:
        return wait(self._store.keys(prefix, limit, after), "store")
