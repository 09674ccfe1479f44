"""Subscription: a consumer's hold on a durable line: what it claimed, and how it ends."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from time import time
from typing import Any, Protocol

from runtime import failpoint
from runtime.engines.queue.driver_queue import Closed, DriverQueue, NotHeld
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.operations import Ack, Bury, Claim, Claimed, Release, Retry, Settle
from runtime.engines.queue.sql.sqlite.store import written
from runtime.engines.sql.contract import JoinableTransaction
from runtime.service import Unavailable

log = logging.getLogger("runtime.queue")

PAUSE = 0.5
"""Seconds after which a claim that failed is tried again."""


class Settler(Protocol):
    """What a subscription asks of its driver. The futures raise NotHeld or Unavailable."""

    @property
    def owner(self) -> int:
        """Under whose lease it claims. Raises Unavailable while the driver does not run."""
        ...

    def claim(self, item: Claim) -> asyncio.Future[Any]: ...

    def settle(
        self, item: Settle, transaction: JoinableTransaction | None = None
    ) -> asyncio.Future[Any]: ...

    def settle_later(self, item: Settle, id: str) -> None:
        """Settle the message of that id when the database is there again."""
        ...

    def after_commit(self, transaction: JoinableTransaction, callback: Callable[[], None]) -> None:
        """Call back on the event loop when a transaction is committed, and not if it is not."""
        ...

    def ring(self, queue: str) -> None:
        """A queue got something that is ready."""
        ...

    def due(self, when: float) -> None:
        """Something is due at a time."""
        ...


class SqlQueue(Protocol):
    """The line it belongs to."""

    @property
    def name(self) -> str: ...

    @property
    def driver(self) -> Settler: ...

    @property
    def subscriptions(self) -> list[SqlSubscription]: ...


class SqlSubscription:
    """A consumer's hold: claims ahead up to `prefetch`, or what waiting receivers can start.

    What is claimed and not received yet is given back by `close`.
    """

    def __init__(self, line: SqlQueue, prefetch: int) -> None:
        self._line = line
        self._driver = line.driver
        self._prefetch = prefetch
        self._ahead: deque[Message] = deque()
        self._held: dict[Message, int] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._claiming: asyncio.Task[None] | None = None
        self._more = True
        self._alone: bool = False
        """Whether a suspect is in hand or next in line, so that nothing may be beside it."""
        self._closed = False

    def wake(self) -> None:
        """There may be something to claim."""
        self._more = True
        self._refill()

    def lose(self) -> None:
        """Drop what was claimed and not received yet."""
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
            await self._driver.settle(item, transaction)
        except NotHeld:
            self._let_go(message)
            raise
        self._driver.after_commit(transaction, lambda: self._committed(message))

    async def retry(self, message: Message, delay: float) -> None:
        due = time() + delay if delay > 0 else 0.0
        await self._settle(message, Retry(self._seq(message), message.token, due))
        if due:
            self._driver.due(due)
        else:
            self._driver.ring(self._line.name)

    async def release(self, messages: Sequence[Message]) -> None:
        # What was claimed ahead goes back too: else it would overtake what is given back.
        given = [message for message in (*messages, *self._ahead) if message in self._held]
        self._ahead.clear()
        items = [Release(self._held.pop(message), message.token) for message in given]
        await asyncio.gather(*map(self._release, given, items))
        failpoint.point("queue.release.after_commit")
        self._driver.ring(self._line.name)

    async def _release(self, message: Message, item: Release) -> None:
        try:
            await self._driver.settle(item)
        except NotHeld:
            return
        except Unavailable:
            self._driver.settle_later(item, message.id)

    async def bury(self, message: Message, letter: Message, to: DriverQueue | None) -> None:
        seq = self._seq(message)
        here = getattr(to, "driver", None) is self._driver
        if to is not None and not here:
            await to.accept(letter)
            failpoint.point("queue.bury.after_accept")
            await self._settle(message, Ack(seq, message.token))
            return
        name = to.name if to is not None else None
        await self._settle(message, Bury(seq, message.token, written(letter.headers), name))
        if name is not None:
            self._driver.ring(name)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._wake_waiting(len(self._waiting))
            if self in self._line.subscriptions:
                self._line.subscriptions.remove(self)
        if self._claiming is not None:
            await asyncio.wait({self._claiming})
        if self._ahead:
            await self.release(())

    def _seq(self, message: Message) -> int:
        try:
            return self._held[message]
        except KeyError:
            raise NotHeld(f"message '{message.id}' was settled before") from None

    async def _settle(self, message: Message, item: Settle) -> None:
        try:
            await self._driver.settle(item)
        except Unavailable:
            self._driver.settle_later(item, message.id)
        except NotHeld:
            self._let_go(message)
            raise
        self._committed(message)

    def _committed(self, message: Message) -> None:
        failpoint.point("queue.settle.after_commit")
        self._let_go(message)

    def _let_go(self, message: Message) -> None:
        self._held.pop(message, None)
        if self._alone and not self._held:
            self._alone = False
            self._more = True
        self._refill()

    def _refill(self) -> None:
        if self._claiming is not None or not self._more or self._closed:
            return
        if self._alone and self._held:
            return
        room = self._prefetch - len(self._held)
        count = max(room, len(self._waiting) - len(self._ahead))
        if count > 0:
            self._claiming = asyncio.create_task(self._claim(count))

    async def _claim(self, count: int) -> None:
        self._more = False
        try:
            item = Claim(self._line.name, self._driver.owner, count, not self._held)
            claimed: Claimed = await self._driver.claim(item)
        except Exception as error:
            text = "%s: nothing could be claimed, and it is tried again: %s"
            log.warning(text, self._line.name, error)
            asyncio.get_running_loop().call_later(PAUSE, self.wake)
            return
        finally:
            self._claiming = None
        failpoint.point("queue.claim.after_commit")
        for seq, message in claimed.messages:
            self._held[message] = seq
            self._ahead.append(message)
        self._alone = claimed.suspect
        if len(claimed.messages) == count:
            self._more = True
        elif claimed.suspect and not self._held:
            self._more = True  # it was settled meanwhile: the suspect may be taken now
        self._wake_waiting(len(claimed.messages))
        if self._closed:
            return
        if len(self._ahead) * 2 <= self._prefetch:
            self._refill()

    def _wake_waiting(self, count: int) -> None:
        while count > 0 and self._waiting:
            receiver = self._waiting.popleft()
            if not receiver.done():
                receiver.set_result(None)
                count -= 1

    async def _arrival(self) -> None:
        receiver = asyncio.get_running_loop().create_future()
        self._waiting.append(receiver)
        self._refill()
        try:
            await receiver
        except asyncio.CancelledError:
            if receiver in self._waiting:
                self._waiting.remove(receiver)
            elif self._ahead:
                self._wake_waiting(1)
            raise
