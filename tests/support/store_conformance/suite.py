"""The frame of the suite: cases, and the stores of several programs in one database."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any, Protocol

from runtime.engines.queue.message import Message, next_id
from runtime.engines.queue.sql.operations import Ack, Claim, Claimed, Done, Publish
from runtime.engines.queue.sql.store import Report, Store
from runtime.engines.sql.contract import Database, Transaction
from tests.support.consuming import SOON, until

QUEUE, OTHER = "tasks", "mails"
LIMIT = 5
"""The `max_length` of queues."""
LEASE, HEARTBEAT = 1.0, 0.1
"""Seconds: as short as lets a loaded machine keep a lease that a case does not give up."""

Case = Callable[..., Awaitable[None]]
CASES: list[Case] = []


class Site(Protocol):
    """A database that runs, for one case."""

    @property
    def database(self) -> Database: ...

    def store(self) -> Store:
        """A new store, as in a program of its own, with the times above."""
        ...

    def another(self) -> AbstractAsyncContextManager[Database]:
        """A database of the same kind, which is not the same."""
        ...

    async def lose(self, transaction: Transaction) -> None:
        """Have the database roll a transaction back before its end."""
        ...


@dataclass(frozen=True, slots=True)
class StoreImplementation:
    """A store that the suite is run with."""

    open: Callable[[], AbstractAsyncContextManager[Site]]
    """Gives a database. What it makes outside of this program it removes."""


class Program:
    """A store that is open, and what it told."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.reports: list[Report] = []
        self.heard: list[str] = []

    async def open(self) -> None:
        async with asyncio.timeout(SOON):
            await self.store.open([QUEUE, OTHER], self.reports.append, self.heard.append)

    async def reported(self, condition: Callable[[Report], bool]) -> Report:
        """The first report from now on that fulfils a condition."""
        self.reports.clear()
        await until(lambda: any(condition(report) for report in self.reports))
        return next(report for report in self.reports if condition(report))

    async def rescue(self) -> None:
        """Wait until this store has released the messages that another one held."""
        await self.reported(lambda report: QUEUE in report.rescued)

    async def publish(self, *messages: Message, queue: str = QUEUE, delay: float = 0.0) -> None:
        """Publish messages one after the other."""
        for message in messages:
            await self.store.publish(Publish(queue, message, delay, None), None)

    async def claim(self, count: int = 10, *, queue: str = QUEUE, alone: bool = True) -> Claimed:
        return await self.store.claim(Claim(queue, self.store.owner, count, alone))

    async def bodies(self, count: int = 10, *, queue: str = QUEUE) -> list[str]:
        """The bodies of messages that are claimed, and stay held."""
        claimed = await self.claim(count, queue=queue)
        return [message.body.decode() for _, message in claimed.messages]

    async def one(self, queue: str = QUEUE) -> tuple[int, Message]:
        """The next message, claimed."""
        (held,) = (await self.claim(1, queue=queue)).messages
        return held

    async def counts(self, queue: str = QUEUE) -> tuple[int, int, int, int]:
        """The numbers of ready, delayed, running and dead messages."""
        info = await self.store.count(queue)
        return info.ready, info.delayed, info.in_flight, info.dead


def a_message(body: str = "1", **fields: Any) -> Message:
    return Message(next_id(), body.encode(), **fields)


def done(held: tuple[int, Message], keep: float = 3600.0, result: bytes | None = None) -> Done:
    return Done(held[0], held[1].token, keep, result)


def ack(held: tuple[int, Message]) -> Ack:
    return Ack(held[0], held[1].token)


async def check(implementation: StoreImplementation, case: Case) -> None:
    """Put a store through one case, with those of its parameters that it names."""
    names = inspect.signature(case).parameters
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(implementation.open())
        given: dict[str, Any] = {"site": site}
        for name in ("here", "there"):
            if name in names:
                given[name] = program = Program(site.store())
                await program.open()
                stack.callback(program.store.abandon)
        async with asyncio.timeout(2 * SOON):
            await case(**{name: given[name] for name in names})


def case(test: Case) -> Case:
    CASES.append(test)
    return test
