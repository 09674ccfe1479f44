"""NatsSubscription: a consumer's subscription to a queue in JetStream."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Protocol

from nats.aio.msg import Msg

from runtime.engines.queue.driver_queue import Closed, DriverQueue, Full, NotHeld, requeue_elsewhere
from runtime.engines.queue.message import Message
from runtime.engines.sql.contract import JoinableTransaction
from runtime.service import Unavailable
from runtime_nats.envelope import received
from runtime_nats.requests import Requests
from runtime_nats.session import Session

LONGEST = 100 * 365 * 86_400.0
"""Seconds of delay: JetStream has 63 bits of nanoseconds."""
AGAIN = 1.0
"""Seconds until a delayed message that finds its queue full tries again."""


class Queue(Protocol):
    """The queue, as its subscriptions use it."""

    subscriptions: set[NatsSubscription]
    away: dict[int, float]
    next: str
    wait: float
    time: Callable[[], float]

    async def declared(self) -> Session: ...

    async def move(self, message: Message, attempts: int = 0) -> None: ...

    async def keep(self, letter: Message) -> None: ...


class NatsSubscription:
    """Asks for up to `prefetch` messages, or as many as there are receivers."""

    settles_in_background = False
    asking_since: float | None = None

    def __init__(self, queue: Queue, prefetch: int) -> None:
        self._queue = queue
        self._prefetch = prefetch
        self._ahead: deque[Message] = deque()
        self._held: dict[Message, str] = {}
        """The subjects that settle what is in hand or ahead."""
        self._receivers: deque[asyncio.Future[None]] = deque()
        self._settling = 0
        self._requests: Requests | None = None
        self._pulling: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def in_hand(self) -> int:
        return len(self._held) + self._settling

    def attach(self) -> None:
        if self._receivers:
            self._pull(1)

    async def detach(self, session: Session) -> None:
        """Give back what is held, if there still is a connection."""
        if not session.lost.done():
            await self._end_requests()
            await self.release([*self._held])
        if self._requests is not None:
            self._requests.drop()
        self._requests = None
        self._held.clear()
        self._ahead.clear()
        if self._closed:
            self._queue.subscriptions.discard(self)

    async def renew(self, session: Session) -> None:
        for reply in [*self._held.values()]:
            await session.send(reply, b"+WPI")

    def take(self) -> Message | None:
        if self._closed or not self._ahead:
            return None
        return self._ahead.popleft()

    async def receive(self) -> Message:
        while (message := self.take()) is None:
            if self._closed:
                raise Closed
            await self._arrival()
        return message

    async def ack(self, message: Message, transaction: JoinableTransaction | None = None) -> None:
        await self._settle(message, b"+ACK")

    def ack_nowait(self, message: Message) -> asyncio.Future[None]:
        return asyncio.ensure_future(self.ack(message))

    async def retry(self, message: Message, delay: float, error: str | None = None) -> None:
        if delay > 0:
            return await self._put_off(message, delay)
        try:
            # JetStream itself would deliver it before all others.
            await self._replace(message, lambda: self._queue.move(message, message.attempt))
        except Full:
            await self._settle(message, b"-NAK")

    async def release(self, messages: Sequence[Message]) -> None:
        # Messages ahead are released too: else they would overtake the others.
        released = [*messages, *self._ahead]
        self._ahead.clear()
        settling = [self._settle(message, b"-NAK") for message in released]
        for error in await asyncio.gather(*settling, return_exceptions=True):
            if error is not None and not isinstance(error, NotHeld):
                raise error

    async def bury(self, message: Message, dead_letter: Message, to: DriverQueue | None) -> None:
        if to is None:
            await self._replace(message, lambda: self._queue.keep(dead_letter))
        else:
            await self._replace(message, lambda: to.publish_dead_letter(dead_letter))

    async def requeue(
        self,
        message: Message,
        again: Message,
        to: DriverQueue,
        transaction: JoinableTransaction | None = None,
    ) -> None:
        await self._replace(message, lambda: requeue_elsewhere(again, to))

    async def close(self) -> None:
        self._closed = True
        while self._receivers:
            self._wake_receiver()
        await self._end_requests()
        await self.release(())
        self._forget()

    def _forget(self) -> None:
        """Called when something has ended: a closed subscription that holds nothing is over."""
        if self._closed and not self.in_hand:
            self._queue.subscriptions.discard(self)

    def _take_out(self, message: Message) -> tuple[Session, str]:
        """Begin to settle a message. Raises NotHeld."""
        if message not in self._held or self._requests is None:
            raise NotHeld(f"message '{message.id}' was settled before, or the connection was lost")
        return self._requests.session, self._held.pop(message)

    async def _settle(self, message: Message, how: bytes) -> None:
        session, reply = self._take_out(message)
        await self._answer(session, reply, how)

    async def _answer(self, session: Session, reply: str, how: bytes) -> None:
        self._settling += 1
        try:
            await session.settle(reply, how)
        finally:
            self._settling -= 1
        self._pull(max(1, self._prefetch // 2))
        self._forget()

    async def _put_off(self, message: Message, delay: float) -> None:
        delay = min(delay, LONGEST)
        self._queue.away[message.token] = self._queue.time() + delay
        how = json.dumps({"delay": round(delay * 1e9)}).encode()
        await self._settle(message, b"-NAK " + how)

    async def _replace(self, message: Message, publish: Callable[[], Awaitable[object]]) -> None:
        """Publish what takes the message's place, then ack it: twice at worst, and never lost."""
        session, reply = self._take_out(message)
        self._settling += 1
        try:
            await publish()
        except BaseException as error:
            if self._is_current(session):
                self._held[message] = reply
            elif isinstance(error, Exception):
                raise NotHeld(f"message '{message.id}': {error}") from None
            raise
        finally:
            self._settling -= 1
        if self._is_current(session):
            await self._answer(session, reply, b"+ACK")

    def _on_delivery(self, msg: Msg) -> None:
        message, due = received(msg)
        self._queue.away.pop(message.token, None)
        self._held[message] = msg.reply
        if due:
            task = asyncio.ensure_future(self._delay(message, due - self._queue.time()))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._ahead.append(message)
            self._wake_receiver()

    async def _delay(self, message: Message, left: float) -> None:
        """Put off a delayed message; once it is due, publish it anew, with no attempt spent."""
        with suppress(NotHeld, Unavailable):
            if left > 0:
                return await self._put_off(message, left)
            try:
                await self._replace(message, lambda: self._queue.move(message))
            except Full:
                await self._put_off(message, AGAIN)

    def _wake_receiver(self) -> None:
        while self._receivers:
            receiver = self._receivers.popleft()
            if not receiver.done():
                receiver.set_result(None)
                return

    async def _arrival(self) -> None:
        receiver = asyncio.get_running_loop().create_future()
        self._receivers.append(receiver)
        self._pull(1)
        try:
            await receiver
        except asyncio.CancelledError:
            if receiver in self._receivers:
                self._receivers.remove(receiver)
            elif self._ahead:
                self._wake_receiver()
            raise

    def _missing(self) -> int:
        """The messages that the server may be asked for."""
        in_hand = self.in_hand - len(self._ahead)
        wanted = max(self._prefetch, in_hand + len(self._receivers))
        return wanted - self.in_hand - (self._requests.count if self._requests else 0)

    def _pull(self, least: int) -> None:
        """Ask for messages, if so many are missing."""
        if self._pulling is None and not self._closed and self._missing() >= max(1, least):
            self._pulling = asyncio.ensure_future(self._ask())

    async def _ask(self) -> None:
        try:
            session = await self._queue.declared()
            if self._requests is None:
                self._requests = Requests(
                    session, self._queue.next, self._queue.wait, self._on_delivery, self._on_end
                )
            while (missing := self._missing()) > 0 and not self._closed:
                await self._requests.add(missing)
        except Unavailable:
            pass  # `attach` is called when the driver runs again
        finally:
            self._pulling = None

    def _on_end(self) -> None:
        """Called when a request has ended."""
        if self._receivers:
            self._pull(1)

    def _is_current(self, session: Session) -> bool:
        """False if the driver was started again, and the server has what was held."""
        return self._requests is not None and self._requests.session is session

    async def _end_requests(self) -> None:
        if self._pulling is not None:
            await asyncio.wait([self._pulling])
        if self._requests is not None:
            await self._requests.end()
        if self._tasks:
            await asyncio.wait([*self._tasks])
