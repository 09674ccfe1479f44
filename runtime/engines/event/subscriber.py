"""Subscriber: a queue of its own for the events that it wants, and the consumer of that queue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from runtime.engines.event.pattern import Pattern
from runtime.engines.queue.blocking import BlockingQueue
from runtime.engines.queue.queue import Queue
from runtime.service import Ready

if TYPE_CHECKING:
    from runtime.engines.queue.consumer import Consumer
    from runtime.engines.sql.contract import Database


@runtime_checkable
class TransactionalQueue(Protocol):
    """A driver's queue whose messages may be published in a transaction."""

    @property
    def database(self) -> Database:
        """The database that keeps them."""
        ...


class Subscriber:
    """A service: it consumes the queue. Events arrive in that also while it does not run."""

    def __init__(self, consumer: Consumer, patterns: Sequence[Pattern]) -> None:
        self.consumer = consumer
        self.queue: Queue = consumer.queue
        own = self.queue.driver_queue
        self.database: Database | None = (
            own.database if isinstance(own, TransactionalQueue) else None
        )
        """The database that keeps the messages, in whose transactions they may be published."""
        self.revise(patterns)

    def revise(self, patterns: Sequence[Pattern]) -> None:
        """Want other topics, and have the consumer decide what bodies may be published."""
        self.patterns = patterns
        check = self.consumer.check
        self.queue.checks = [] if check is None else [check]

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Consume until `stop`, as a Consumer does."""
        await self.consumer.run(ready, stop)

    def wants(self, topic: str) -> bool:
        return any(pattern.matches(topic) for pattern in self.patterns)

    def handed_out(self) -> Queue:
        """Its queue, for whoever looks for its messages."""
        return self.queue

    @property
    def blocking(self) -> BlockingQueue:
        return self.queue.blocking
