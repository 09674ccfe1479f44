"""Attempt: a part of a transaction that is undone by itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

from runtime.engines.sql.contract import TransactionLost

_BEGIN = "SAVEPOINT runtime_attempt"
_KEEP = "RELEASE runtime_attempt"
_UNDO = "ROLLBACK TO runtime_attempt"
"""Of savepoints with one name, the last one is meant."""


class Attempt:
    """The value of `async with tx.attempt()`."""

    def __init__(self, execute: Callable[[str], Awaitable[Any]]) -> None:
        self._execute = execute

    async def __aenter__(self) -> None:
        await self._execute(_BEGIN)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            await self._execute(_KEEP)
            return
        with suppress(TransactionLost):  # all of it is undone already
            await self._execute(_UNDO)
            await self._execute(_KEEP)


class BlockingAttempt:
    """The value of `with tx.attempt()`."""

    def __init__(self, execute: Callable[[str], Any]) -> None:
        self._execute = execute

    def __enter__(self) -> None:
        self._execute(_BEGIN)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self._execute(_KEEP)
            return
        with suppress(TransactionLost):  # all of it is undone already
            self._execute(_UNDO)
            self._execute(_KEEP)
