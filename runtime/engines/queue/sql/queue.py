"""SqlQueue: the messages of one queue in a database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from msgspec.structs import replace

from runtime import failpoint
from runtime.engines.queue.backlog import Backlog
from runtime.engines.queue.browsing import Browsed
from runtime.engines.queue.driver_queue import (
    DriverQueue,
    Full,
    Info,
    NotHeld,
    requeue_elsewhere,
)
from runtime.engines.queue.limits import Limits
from runtime.engines.queue.message import Message
from runtime.engines.queue.overflow import Overflow
from runtime.engines.queue.sql import browsing
from runtime.engines.queue.sql.operations import Drop, Fire, Publish, PublishMany, Requeue
from runtime.engines.queue.sql.settler import Settler
from runtime.engines.queue.sql.store import full
from runtime.engines.queue.sql.subscription import SqlSubscription
from runtime.engines.queue.status import Record
from runtime.engines.queue.tracked_queue import CANCELLED_FOR
from runtime.engines.sql.contract import JoinableTransaction
from runtime.service import Unavailable

T = TypeVar("T")


class SqlQueue:
    """Passes requests on to its driver, which batches them with those of others."""

    def __init__(self, driver: Settler, name: str, max_length: int) -> None:
        self.name = name
        self.max_length = max_length
        self.retention: float | None = None
        self.paused = False
        self._is_ahead = False
        """True until the next check if this program paused or resumed the queue."""
        self.driver = driver
        self.overflow = Overflow(driver.clock, self.made_room)
        self._looking: asyncio.Task[None] | None = None
        self._store = driver.store
        self.database = driver.store.database
        self.subscriptions: list[SqlSubscription] = []

    async def publish(
        self,
        message: Message,
        delay: float = 0.0,
        transaction: JoinableTransaction | None = None,
        counts_running: bool = False,
    ) -> str:
        def submit() -> asyncio.Future[str]:
            item = Publish(self.name, message, delay, self.max_length, counts_running)
            return self._store.publish(item, transaction)

        # A transaction keeps the writer for itself: whoever could make room would wait for it.
        id = await (self.when_room(submit) if transaction is None else submit())
        failpoint.point("queue.publish.after_commit")
        if id != message.id:
            self.made_room()
            return id
        self._tell(delay, transaction)
        return id

    async def publish_many(
        self,
        messages: Sequence[Message],
        delay: float = 0.0,
        transaction: JoinableTransaction | None = None,
    ) -> None:
        def submit() -> asyncio.Future[None]:
            item = PublishMany(self.name, messages, delay, self.max_length)
            return self._store.publish_many(item, transaction)

        if len(messages) > self.max_length:
            raise full(self.name, self.max_length)
        await (self.when_room(submit) if transaction is None else submit())
        failpoint.point("queue.publish.after_commit")
        self._tell(delay, transaction)

    async def fire(self, schedule: str, at: float, message: Message) -> str | None:
        item = Publish(self.name, message, 0.0, self.max_length, counts_running=True)
        id = await self._store.fire(Fire(schedule, at, item))
        if id == message.id:
            self.driver.notify(self.name)
        return id

    async def last_fired(self, schedule: str) -> float | None:
        return await self._store.last_fired(schedule)

    async def publish_dead_letter(self, message: Message) -> None:
        await self._store.publish(Publish(self.name, message, 0.0, None), None)
        self.driver.notify(self.name)

    def subscribe(self, prefetch: int) -> SqlSubscription:
        subscription = SqlSubscription(self, prefetch)
        self.subscriptions.append(subscription)
        return subscription

    def subscribe_limited(self, prefetch: int, limits: Limits) -> SqlSubscription:
        subscription = SqlSubscription(self, prefetch, limits)
        self.subscriptions.append(subscription)
        return subscription

    async def info(self) -> Info:
        return replace(await self._store.count(self.name), paused=await self._is_paused())

    async def backlog(self) -> Backlog:
        backlog = await self._store.tasks.backlog(self.name)
        return replace(backlog, paused=await self._is_paused())

    async def _is_paused(self) -> bool:
        """As anybody has left it: what this program does is up to a second behind."""
        return self.name in await self._store.tasks.paused()

    async def find(self, id: str) -> Record | None:
        return await self._store.tasks.find(self.name, id)

    async def cancel(self, id: str) -> Record | None:
        keep = max(self.retention or 0.0, CANCELLED_FOR)
        cancelled = await self._store.tasks.cancel(self.name, id, keep)
        if cancelled.is_running:
            self.cancel_held((), id)
        if cancelled.made_room:
            self.made_room()
        return cancelled.record

    async def browse(self, state: str, limit: int, after: str | None) -> Sequence[Browsed]:
        return await browsing.browse(self._store.tasks, self.name, state, limit, after)

    async def body(self, id: str) -> bytes | None:
        return await browsing.body(self._store.tasks, self.name, id)

    async def purge(self, state: str) -> int:
        count = await browsing.purge(self._store.tasks, self.name, state)
        self.made_room()
        return count

    async def pause(self, paused: bool) -> None:
        await self._store.tasks.pause(self.name, paused)
        self._is_ahead = True
        self._set_paused(paused)

    def look_at_pause(self, paused: bool) -> None:
        """Pause or go on, as the driver's latest check found. One may have begun before a change of
        ours, and ended after it.
        """
        if self._is_ahead:
            self._is_ahead = False
        else:
            self._set_paused(paused)

    def _set_paused(self, paused: bool) -> None:
        if paused == self.paused:
            return
        self.paused = paused
        self.driver.on_paused(self.name, paused)
        for subscription in self.subscriptions:
            if paused:
                subscription.give_back()
            else:
                subscription.wake()

    def cancel_held(self, seqs: Container[int], id: str | None = None) -> None:
        """Cancel those of these rows, or of that id, that are held here."""
        for subscription in self.subscriptions:
            subscription.cancel_held(seqs, id)

    async def dead_letters(self, limit: int = 100, died_in: str | None = None) -> Sequence[Message]:
        return await self._store.dead_letters(self.name, died_in, limit)

    async def count_dead_letters(self, died_in: str) -> int:
        return await self._store.count_dead_letters(self.name, died_in)

    async def find_dead_letter(self, id: str, died_in: str | None = None) -> Message | None:
        return await self._store.find_dead_letter(self.name, died_in, id)

    async def requeue(self, letter: Message, again: Message, to: DriverQueue) -> None:
        if isinstance(to, SqlQueue) and to.driver is self.driver:

            def submit() -> asyncio.Future[Any]:
                item = Requeue(self.name, again, letter.token, to.name, to.max_length)
                return self._store.requeue(item, None)

            await to.when_room(submit)
            self.made_room()
            failpoint.point("queue.requeue.after_commit")
            self.driver.notify(to.name)
            return
        await requeue_elsewhere(again, to)
        failpoint.point("queue.requeue.after_accept")
        with suppress(NotHeld):  # somebody took it meanwhile: it is there twice
            await self.drop(letter)

    async def drop(self, letter: Message) -> None:
        await self._store.drop(Drop(self.name, letter.id, letter.token))
        self.made_room()
        failpoint.point("queue.drop.after_commit")

    async def when_room(self, submit: Callable[[], asyncio.Future[T]]) -> T:
        """Submit what needs room here, after those that wait for some. Raises Full."""
        if self.overflow.places:
            error = full(self.name, self.max_length)
        else:
            try:
                return await submit()
            except Full as refused:
                error = refused
        with self.overflow.enter(error, self.max_length) as place:
            while True:
                await place.admitted()
                try:
                    return await submit()
                except Full:
                    continue  # another program was faster
                except BaseException:
                    self.made_room()
                    raise

    def _tell(self, delay: float, transaction: JoinableTransaction | None) -> None:
        """Have what was published found by those who wait for it."""
        if delay > 0:
            self.driver.schedule(delay)
        elif transaction is not None:
            self._store.after_commit(transaction, lambda: self.driver.notify(self.name))
        else:
            self.driver.notify(self.name)

    def made_room(self, _: int = 1) -> None:
        """Admit a publisher: a message is gone, or a publisher did not need its room."""
        if self.overflow.places:
            self.overflow.admit()

    def look_for_room(self) -> None:
        """Admit publishers for whom other programs made room."""
        if self.overflow.places and self._looking is None:
            self._looking = asyncio.create_task(self._look_for_room())

    async def _look_for_room(self) -> None:
        try:
            with suppress(Unavailable):  # as those that wait will hear
                info = await self.info()
                self.overflow.admit(self.max_length - info.ready - info.delayed - info.in_flight)
        finally:
            self._looking = None

    def wake(self) -> None:
        """Have the subscriptions claim: there may be something."""
        for subscription in self.subscriptions:
            subscription.wake()

    def lease_expired(self) -> None:
        """Have the subscriptions drop messages that were reassigned before they were received."""
        for subscription in self.subscriptions:
            subscription.lease_expired()
