"""Lane: requests of one sort, which are done in batches, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import psycopg

from runtime.engines.queue.sql.postgres.link import Link, refusal
from runtime.engines.queue.sql.postgres.session import Session
from runtime.engines.sql.postgres.errors import lost_connection
from runtime.service import Unavailable

MOST = 500
"""The most requests of a batch."""

Batch = Callable[[Session, Sequence[Any]], Awaitable[Sequence[Any]]]
"""Does all items, and answers each in their order; an exception is the answer to its item alone.

A `psycopg.Error` that it raises has undone the whole batch: each item is tried again by itself.
"""


class Lane:
    """Requests that come while a batch is under way go with the next one."""

    def __init__(self) -> None:
        self._batch: Batch = _refuse
        self._link: Link | None = None
        self._waiting: list[tuple[Any, asyncio.Future[Any]]] = []
        self._task: asyncio.Task[None] | None = None

    def open(self, link: Link, batch: Batch) -> None:
        """Accept requests, and have this function do them over this link."""
        self._link = link
        self._batch = batch

    def ask(self, item: Any) -> asyncio.Future[Any]:
        """Have an item done. Raises Unavailable while the lane is not open."""
        if self._link is None:
            raise Unavailable("the queues are not running")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((item, future))
        if self._task is None:
            self._task = loop.create_task(self._work())
        return future

    async def close(self) -> None:
        """Accept nothing more, and do what was asked for."""
        self._link = None
        if (task := self._task) is not None:
            await asyncio.wait([task])

    def abandon(self) -> None:
        """Accept nothing more, and refuse what was asked for."""
        self._link = None
        waiting, self._waiting = self._waiting, []
        _answer(waiting, Unavailable("the queues are not running"))

    async def _work(self) -> None:
        link = self._link
        try:
            assert link is not None
            while True:
                await asyncio.sleep(0)  # for others of this turn of the loop
                if not self._waiting:
                    return
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._run(link, batch)
                if link.timed_out:
                    # Nobody answers: who has waited for that need not wait for a connection too.
                    waiting, self._waiting = self._waiting, []
                    _answer(waiting, Unavailable("the database does not answer"))
        finally:
            self._task = None

    async def _run(self, link: Link, batch: list[tuple[Any, asyncio.Future[Any]]]) -> None:
        try:
            items = [item for item, _ in batch]
            answers = await link.run(lambda session: self._batch(session, items))
        except psycopg.Error as error:
            if len(batch) == 1 or lost_connection(error):
                return _answer(batch, refusal(error))
            for one in batch:
                await self._run(link, [one])
        except Unavailable as error:
            _answer(batch, error)
        except BaseException as error:
            _answer(batch, error)
            if not isinstance(error, Exception):
                raise
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)


def _answer(batch: list[tuple[Any, asyncio.Future[Any]]], error: BaseException) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(_copied(error))


def _copied(error: BaseException) -> BaseException:
    """Another exception of this kind: each waiter adds its own traceback."""
    return type(error)(*error.args)


async def _refuse(session: Session, items: Sequence[Any]) -> Sequence[Any]:
    raise Unavailable("the queues are not running")
