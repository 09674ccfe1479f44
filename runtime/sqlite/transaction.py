"""Transaction: several statements that happen together or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from runtime.sqlite.batch import Part, Work
from runtime.sqlite.hold import Hold
from runtime.sqlite.inside import enter, leave
from runtime.sqlite.job import Result, all_rows, first_row, summary
from runtime.sqlite.parameters import Parameters


class Transaction:
    """What `async with database.transaction()` gives; `runtime.sqlite.hold` says what it promises.

    A statement that fails raises, and the transaction goes on without it, as SQLite has it.
    """

    def __init__(self, database: object, hold: Callable[[], Hold]) -> None:
        self.database = database
        self._open = hold
        self._committed: list[Callable[[], None]] = []
        self._hold: Hold | None = None

    async def __aenter__(self) -> Self:
        if self._hold is not None:
            raise RuntimeError("the transaction was entered before; open another one")
        self._hold = self._open()
        enter(self._hold)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        hold = self._entered()
        leave(hold)
        future: asyncio.Future[Any] = asyncio.Future()
        hold.end(error is None, future)
        if error is None:
            await future  # a roll-back needs no waiting: whatever comes next is behind it
            for callback in self._committed:
                callback()

    def batch(self, work: Work, item: Any) -> asyncio.Future[Any]:
        """Do an item of somebody's batch as a step of this transaction."""
        future: asyncio.Future[Any] = asyncio.Future()
        self._entered().add(Part(work, item, future))
        return future

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back when it is committed, and not if it is rolled back."""
        self._committed.append(callback)

    async def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        future: asyncio.Future[Any] = asyncio.Future()
        self._entered().submit(all_rows, text, parameters, future)
        rows: list[dict[str, Any]] = await future
        return rows

    async def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        future: asyncio.Future[Any] = asyncio.Future()
        self._entered().submit(first_row, text, parameters, future)
        row: dict[str, Any] | None = await future
        return row

    async def execute(self, text: str, parameters: Parameters = ()) -> Result:
        future: asyncio.Future[Any] = asyncio.Future()
        self._entered().submit(summary, text, parameters, future)
        result: Result = await future
        return result

    def _entered(self) -> Hold:
        if self._hold is None:
            raise RuntimeError("the transaction is not entered; write `async with`")
        return self._hold
