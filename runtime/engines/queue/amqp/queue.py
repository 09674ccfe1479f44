"""AmqpQueue: the messages of one queue on the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from runtime.clock import Clock
from runtime.engines.queue.amqp.letters import letters
from runtime.engines.queue.amqp.session import Session
from runtime.engines.queue.amqp.subscription import AmqpSubscription
from runtime.engines.queue.amqp.topology import dead_letters_of
from runtime.engines.queue.driver_queue import (
    DriverQueue,
    Full,
    PartialInfo,
    requeue_elsewhere,
)
from runtime.engines.queue.message import Message
from runtime.engines.sql.contract import JoinableTransaction
from runtime.service import StartError, Unavailable

NO_ROOM = 0.01
"""Seconds of delay for a dead letter that a full queue must take."""


class Driver(Protocol):
    """The driver, as its queues use it."""

    @property
    def clock(self) -> Clock: ...

    @property
    def session(self) -> Session:
        """Raises Unavailable while the driver does not run."""
        ...


class AmqpQueue:
    """A queue that is declared with the first session of its driver, or at its first use."""

    def __init__(self, driver: Driver, name: str, max_length: int) -> None:
        self.name = name
        self.max_length = max_length
        self.clock = driver.clock
        self.subscriptions: set[AmqpSubscription] = set()
        self._driver = driver
        self._declared: Session | None = None
        self._looking = asyncio.Lock()

    async def declared(self) -> Session:
        session = self._driver.session
        if session is not self._declared:
            try:
                await self.declare(session)
            except StartError as error:  # it was added while the driver runs
                raise Unavailable(str(error)) from None
        return session

    async def declare(self, session: Session) -> None:
        """Make the queue on the broker. Raises StartError and Unavailable."""
        await session.topology.declare(self.name, self.max_length)
        self._declared = session

    async def publish(
        self,
        message: Message,
        delay: float = 0.0,
        transaction: JoinableTransaction | None = None,
        counts_running: bool = False,
    ) -> str:
        if transaction is not None:
            raise ValueError(
                f"queue '{self.name}' is on a broker, which no transaction reaches; "
                "give it a driver of kind queue.driver.sql"
            )
        if message.unique is not None:
            raise ValueError(
                f"queue '{self.name}' is on a broker, which knows no unique keys; "
                "give it a driver of kind queue.driver.sql"
            )
        if message.priority:
            raise ValueError(
                f"queue '{self.name}' is on a broker, which delivers in order, without "
                "priorities; publish to a queue of its own what is urgent"
            )
        session = await self.declared()
        try:
            await session.publish(self.name, message, delay)
        except Full:
            # RabbitMQ says the same of a queue whose leader is away
            raise Full(f"queue '{self.name}' is full, or has no leader") from None
        return message.id

    async def publish_dead_letter(self, message: Message) -> None:
        session = await self.declared()
        try:
            await session.move(self.name, message)
        except Full:
            # The delay queue tries until there is room, each three minutes.
            await session.move(self.name, message, NO_ROOM)

    def subscribe(self, prefetch: int) -> AmqpSubscription:
        subscription = AmqpSubscription(self, prefetch)
        self.subscriptions.add(subscription)
        return subscription

    def forget(self, subscription: AmqpSubscription) -> None:
        self.subscriptions.discard(subscription)

    async def info(self) -> PartialInfo:
        topology = (await self.declared()).topology
        ready = await topology.count(self.name)
        dead = await topology.count(dead_letters_of(self.name))
        return PartialInfo(ready, dead)

    async def dead_letters(self, limit: int = 100, died_in: str | None = None) -> Sequence[Message]:
        if died_in is not None or limit == 0:
            return []
        async with self._looking, letters(await self.declared(), self._letters) as looking:
            return await looking.list(limit)

    async def count_dead_letters(self, died_in: str) -> int:
        return 0

    async def find_dead_letter(self, id: str, died_in: str | None = None) -> Message | None:
        if died_in is not None:
            return None
        async with self._looking, letters(await self.declared(), self._letters) as looking:
            return await looking.find(id)

    async def requeue(self, letter: Message, again: Message, to: DriverQueue) -> None:
        async with self._looking, letters(await self.declared(), self._letters) as looking:
            held = await looking.hold(letter)
            await requeue_elsewhere(again, to)
            looking.delete(held)

    async def drop(self, letter: Message) -> None:
        async with self._looking, letters(await self.declared(), self._letters) as looking:
            looking.delete(await looking.hold(letter))

    def attach(self) -> None:
        """Have the subscriptions receive: the driver runs."""
        for subscription in self.subscriptions:
            subscription.attach()

    def detach(self) -> None:
        """Have the subscriptions forget what they hold: the driver does not run any more."""
        self._declared = None
        for subscription in [*self.subscriptions]:
            subscription.detach()

    @property
    def _letters(self) -> str:
        return dead_letters_of(self.name)
