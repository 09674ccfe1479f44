"""BlockingStore: a store for plain functions in threads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from runtime.engines.sql.contract import BlockingTransaction
from runtime.engines.store.contract import Operations


class BlockingStore(ABC):
    """`KeyValueStore`, for threads: a call blocks until it is done."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    @abstractmethod
    def _run(
        self,
        transaction: BlockingTransaction | None,
        operation: Callable[..., Any],
        *arguments: Any,
    ) -> Any:
        """The answer of one of the operations, as `KeyValueStore._run`."""

    def get(
        self, key: str, default: Any = None, *, transaction: BlockingTransaction | None = None
    ) -> Any:
        return self._run(transaction, self._operations.get, key, default)

    def set(
        self,
        key: str,
        value: Any,
        ttl: float | str | None = None,
        *,
        transaction: BlockingTransaction | None = None,
    ) -> None:
        self._run(transaction, self._operations.set, key, value, ttl)

    def delete(self, key: str, *, transaction: BlockingTransaction | None = None) -> bool:
        deleted: bool = self._run(transaction, self._operations.delete, key)
        return deleted

    def compare_and_set(
        self,
        key: str,
        expected: Any,
        value: Any,
        ttl: float | str | None = None,
        *,
        transaction: BlockingTransaction | None = None,
    ) -> bool:
        operation = self._operations.compare_and_set
        is_set: bool = self._run(transaction, operation, key, expected, value, ttl)
        return is_set

    def keys(self, prefix: str = "", limit: int = 1000, after: str | None = None) -> list[str]:
        found: list[str] = self._run(None, self._operations.keys, prefix, limit, after)
        return found
