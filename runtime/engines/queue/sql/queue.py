"""Line: the messages of one queue in a database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import time
from typing import Any, Protocol

from runtime import failpoint
from runtime.engines.queue.driver_queue import Info
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.operations import Publish
from runtime.engines.queue.sql.subscription import Settler, SqlSubscription
from runtime.engines.sql.contract import JoinableTransaction


class Driver(Settler, Protocol):
    """What a line asks of its driver. The futures raise Full or Unavailable."""

    def publish(
        self, item: Publish, transaction: JoinableTransaction | None
    ) -> asyncio.Future[Any]: ...

    async def count(self, queue: str) -> Info: ...

    async def dead(self, queue: str, limit: int) -> Sequence[Message]: ...


class SqlQueue:
    """A line; what it is asked, it asks its driver, in batches with what others ask."""

    def __init__(self, driver: Driver, name: str, max_length: int) -> None:
        self.name = name
        self.max_length = max_length
        self.driver = driver
        self.subscriptions: list[SqlSubscription] = []

    async def publish(
        self, message: Message, delay: float = 0.0, transaction: JoinableTransaction | None = None
    ) -> str:
        due = time() + delay if delay > 0 else 0.0
        item = Publish(self.name, message, due, self.max_length)
        id: str = await self.driver.publish(item, transaction)
        failpoint.point("queue.publish.after_commit")
        if id != message.id:
            return id
        if due:
            self.driver.due(due)
        elif transaction is not None:
            self.driver.after_commit(transaction, lambda: self.driver.ring(self.name))
        else:
            self.driver.ring(self.name)
        return id

    async def accept(self, letter: Message) -> None:
        await self.driver.publish(Publish(self.name, letter, 0.0, None), None)
        self.driver.ring(self.name)

    def subscribe(self, prefetch: int) -> SqlSubscription:
        subscription = SqlSubscription(self, prefetch)
        self.subscriptions.append(subscription)
        return subscription

    async def info(self) -> Info:
        return await self.driver.count(self.name)

    async def dead_letters(self, limit: int = 100) -> Sequence[Message]:
        return await self.driver.dead(self.name, limit)

    def wake(self) -> None:
        """There may be something to claim."""
        for subscription in self.subscriptions:
            subscription.wake()

    def lose(self) -> None:
        """The lease ran out: what was claimed and not begun is somebody else's."""
        for subscription in self.subscriptions:
            subscription.lose()
