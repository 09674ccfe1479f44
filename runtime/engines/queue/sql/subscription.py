"""SqlSubscription: a consumer's claimed messages of an SQL queue, and their settlement."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from runtime import failpoint
from runtime.engines.queue.driver_queue import Closed, DriverQueue, NotHeld, requeue_elsewhere
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.operations import (
    Ack,
    Bury,
    Claim,
    Claimed,
    Release,
    Requeue,
    Retry,
    Settle,
)
from runtime.engines.queue.sql.pace import Pace
from runtime.engines.queue.sql.settler import SqlQueue
from runtime.engines.queue.sql.watch import Watch
from runtime.engines.sql.contract import JoinableTransaction
from runtime.loggers import logger
from runtime.service import Unavailable

log = logger("runtime.queue")

CLAIM_AGAIN = 0.5
"""Seconds after which a failed claim is tried again."""


class SqlSubscription:
    """Claims as many messages as there are waiting receivers, and ahead those that they will begin
    within a moment, at most `prefetch`.

    Those that were claimed and not received are given back by `close`, and when the tasks take
    longer than they did: for an idle consumer, and for messages of a higher priority.
    """

    def __init__(self, queue: SqlQueue, prefetch: int) -> None:
        self._queue = queue
        self._driver = queue.driver
        self._store = queue.driver.store
        self._prefetch = prefetch
        self._ahead: deque[Message] = deque()
        self._held: dict[Message, int] = {}
        self._receivers: deque[asyncio.Future[None]] = deque()
        self._claiming: asyncio.Task[None] | None = None
        self._pace = Pace(queue.driver.clock.monotonic)
        self._drained = True
        """True if the latest claim found fewer messages than it asked for."""
        self._watch = Watch(self._ahead, queue.driver.clock, self._on_late)
        self._giving_back: asyncio.Task[None] | None = None
        self._more = True
        self._alone: bool = False
        """True while a suspect is held or next, so that nothing may be claimed beside it."""
        self._closed = False

    def wake(self) -> None:
        """Claim: there may be something."""
        self._more = True
        self._refill()

    def lease_expired(self) -> None:
        """Drop the messages that were claimed and not received yet: they were reassigned."""
        for message in self._ahead:
            self._held.pop(message, None)
        self._ahead.clear()
        self.wake()

    def take(self) -> Message | None:
        if self._closed or not self._ahead:
            return None
        message = self._ahead.popleft()
        if len(self._ahead) * 2 <= self._prefetch:
            self._refill()
        return message

    async def receive(self) -> Message:
        while (message := self.take()) is None:
            if self._closed:
                raise Closed
            await self._arrival()
        return message

    async def ack(self, message: Message, transaction: JoinableTransaction | None = None) -> None:
        item = Ack(self._seq(message), message.token)
        if transaction is None:
            await self._settle(message, item)
            return
        try:
            await self._store.settle_in(transaction, item)
        except NotHeld:
            self._drop(message)
            raise
        self._store.after_commit(transaction, lambda: self._committed(message))

    async def retry(self, message: Message, delay: float) -> None:
        await self._settle(message, Retry(self._seq(message), message.token, delay))
        if delay > 0:
            self._driver.schedule(delay)
        else:
            self._driver.notify(self._queue.name)

    async def release(self, messages: Sequence[Message]) -> None:
        # Messages claimed ahead are released too: else they would overtake the others.
        released = [message for message in (*messages, *self._ahead) if message in self._held]
        self._ahead.clear()
        items = [Release(self._held.pop(message), message.token) for message in released]
        await asyncio.gather(*map(self._release, released, items))
        failpoint.point("queue.release.after_commit")
        self._driver.notify(self._queue.name)

    async def _release(self, message: Message, item: Release) -> None:
        try:
            await self._store.settle(item)
        except NotHeld:
            return
        except Unavailable:
            self._driver.settle_later(item, message.id)

    async def bury(self, message: Message, dead_letter: Message, to: DriverQueue | None) -> None:
        seq = self._seq(message)
        is_ours = getattr(to, "driver", None) is self._driver
        if to is not None and not is_ours:
            await to.publish_dead_letter(dead_letter)
            failpoint.point("queue.bury.after_accept")
            await self._settle(message, Ack(seq, message.token))
            return
        name = to.name if to is not None else None
        item = Bury(seq, message.token, dead_letter.headers, name, dead_letter.died_in)
        await self._settle(message, item)
        if name is not None:
            self._driver.notify(name)

    async def requeue(
        self,
        message: Message,
        again: Message,
        to: DriverQueue,
        transaction: JoinableTransaction | None = None,
    ) -> None:
        seq = self._seq(message)
        if getattr(to, "driver", None) is not self._driver:
            await requeue_elsewhere(again, to)
            failpoint.point("queue.requeue.after_accept")
            return await self.ack(message, transaction)

        def submit() -> asyncio.Future[Any]:
            limit: int = to.max_length  # type: ignore[attr-defined]
            item = Requeue(self._queue.name, again, message.token, to.name, limit, seq)
            return self._store.requeue(item, transaction)

        try:
            await (submit() if transaction else to.when_room(submit))  # type: ignore[attr-defined]
        except NotHeld:
            self._drop(message)
            raise
        failpoint.point("queue.requeue.after_commit")

        def committed() -> None:
            self._drop(message)
            self._driver.notify(to.name)

        if transaction is None:
            committed()
        else:
            self._store.after_commit(transaction, committed)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._wake_receivers(len(self._receivers))
            if self in self._queue.subscriptions:
                self._queue.subscriptions.remove(self)
        self._watch.close()
        if tasks := {task for task in (self._claiming, self._giving_back) if task is not None}:
            await asyncio.wait(tasks)
        if self._ahead:
            await self.release(())

    def _seq(self, message: Message) -> int:
        try:
            return self._held[message]
        except KeyError:
            raise NotHeld(f"message '{message.id}' was settled before") from None

    async def _settle(self, message: Message, item: Settle) -> None:
        try:
            await self._store.settle(item)
        except Unavailable:
            self._driver.settle_later(item, message.id)
        except NotHeld:
            self._drop(message)
            raise
        self._committed(message)

    def _committed(self, message: Message) -> None:
        failpoint.point("queue.settle.after_commit")
        self._drop(message)

    def _drop(self, message: Message) -> None:
        self._held.pop(message, None)
        self._queue.made_room()
        self._pace.finished += 1
        if self._alone and not self._held:
            self._alone = False
            self._more = True
        self._refill()

    def _refill(self) -> None:
        if self._claiming is not None or not self._more or self._closed:
            return
        if self._alone and self._held:
            return
        count = len(self._receivers) - len(self._ahead)
        if (room := self._prefetch - len(self._held)) > max(0, count):
            count = max(count, int(min(room, self._pace.messages() - len(self._ahead))))
        if count > 0:
            self._claiming = asyncio.create_task(self._claim(count))

    async def _claim(self, count: int) -> None:
        self._more = False
        try:
            item = Claim(self._queue.name, self._store.owner, count, not self._held)
            claimed: Claimed = await self._store.claim(item)
        except Exception as error:
            text = "%s: no message could be claimed, trying again: %s"
            log.warning(text, self._queue.name, error)
            self._driver.clock.call_later(CLAIM_AGAIN, self.wake)
            return
        finally:
            self._claiming = None
        failpoint.point("queue.claim.after_commit")
        if self._drained and claimed.messages:
            self._pace.restart()
        self._drained = len(claimed.messages) < count
        for seq, message in claimed.messages:
            self._held[message] = seq
            self._ahead.append(message)
        self._alone = claimed.suspect
        if len(claimed.messages) == count:
            self._more = True
        elif claimed.suspect and not self._held:
            self._more = True  # what was held is settled by now: the suspect may be claimed
        woken = self._wake_receivers(len(claimed.messages))
        if self._closed:
            return
        if len(self._ahead) > woken:
            self._watch.begin()
        if len(self._ahead) * 2 <= self._prefetch:
            self._refill()

    def _on_late(self) -> None:
        """Give back what was claimed ahead: it waits for longer than was expected."""
        self._pace.messages()  # measures anew
        self._giving_back = asyncio.create_task(self._give_back())

    async def _give_back(self) -> None:
        try:
            await self.release(())
        except Exception as error:
            # They stay in flight until this program's lease ends.
            log.warning("%s: what was claimed ahead stays: %s", self._queue.name, error)
        finally:
            self._giving_back = None

    def _wake_receivers(self, count: int) -> int:
        """Returns how many there were to wake, at most `count`."""
        woken = 0
        while woken < count and self._receivers:
            receiver = self._receivers.popleft()
            if not receiver.done():
                receiver.set_result(None)
                woken += 1
        return woken

    async def _arrival(self) -> None:
        receiver = asyncio.get_running_loop().create_future()
        self._receivers.append(receiver)
        self._refill()
        try:
            await receiver
        except asyncio.CancelledError:
            if receiver in self._receivers:
                self._receivers.remove(receiver)
            elif self._ahead and not self._wake_receivers(1):
                self._watch.begin()
            raise
