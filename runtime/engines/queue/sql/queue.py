"""SqlQueue: the messages of one queue in a database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from runtime import failpoint
from runtime.engines.queue.driver_queue import Info
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.operations import Publish
from runtime.engines.queue.sql.subscription import Settler, SqlSubscription
from runtime.engines.sql.contract import JoinableTransaction


class Driver(Settler, Protocol):
    """The driver, as its queues use it. The futures raise Full or Unavailable."""

    def publish(
        self, item: Publish, transaction: JoinableTransaction | None
    ) -> asyncio.Future[Any]: ...

    async def count(self, queue: str) -> Info: ...

    async def dead_letters(self, queue: str, limit: int) -> Sequence[Message]: ...


class SqlQueue:
    """Passes requests on to its driver, which batches them with those of others."""

    def __init__(self, driver: Driver, name: str, max_length: int) -> None:
        self.name = name
        self.max_length = max_length
        self.driver = driver
        self._time = driver.clock.time
        self.subscriptions: list[SqlSubscription] = []

    async def publish(
        self, message: Message, delay: float = 0.0, transaction: JoinableTransaction | None = None
    ) -> str:
        due = self._time() + delay if delay > 0 else 0.0
        item = Publish(self.name, message, due, self.max_length)
        id: str = await self.driver.publish(item, transaction)
        failpoint.point("queue.publish.after_commit")
        if id != message.id:
            return id
        if due:
            self.driver.schedule(due)
        elif transaction is not None:
            self.driver.after_commit(transaction, lambda: self.driver.notify(self.name))
        else:
            self.driver.notify(self.name)
        return id

    async def publish_dead_letter(self, message: Message) -> None:
        await self.driver.publish(Publish(self.name, message, 0.0, None), None)
        self.driver.notify(self.name)

    def subscribe(self, prefetch: int) -> SqlSubscription:
        subscription = SqlSubscription(self, prefetch)
        self.subscriptions.append(subscription)
        return subscription

    async def info(self) -> Info:
        return await self.driver.count(self.name)

    async def dead_letters(self, limit: int = 100) -> Sequence[Message]:
        return await self.driver.dead_letters(self.name, limit)

    def wake(self) -> None:
        """Have the subscriptions claim: there may be something."""
        for subscription in self.subscriptions:
            subscription.wake()

    def lease_expired(self) -> None:
        """Have the subscriptions drop messages that were reassigned before they were received."""
        for subscription in self.subscriptions:
            subscription.lease_expired()
