"""Attempt: a part of a transaction that may fail by itself."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from runtime.engines.sql.postgres.loops import on_loop, wait_on


class Attempt:
    """The value of `tx.attempt()`, for a transaction that is awaited or one that blocks.

    `transaction` is a `ServerTransaction`.
    """

    def __init__(self, transaction: Any) -> None:
        self._transaction = transaction

    async def __aenter__(self) -> None:
        await on_loop(self._transaction.loop, self._transaction.begin_attempt())

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await on_loop(self._transaction.loop, self._transaction.end_attempt(error is None))

    def __enter__(self) -> None:
        wait_on(self._transaction.loop, self._transaction.begin_attempt())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        wait_on(self._transaction.loop, self._transaction.end_attempt(error is None))
