"""AmqpSubscription: a consumer's subscription to a queue on the broker."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from pika.spec import Basic, BasicProperties

from runtime.clock import Clock
from runtime.engines.queue.amqp.channel import CLOSED, Channel, ChannelClosed
from runtime.engines.queue.amqp.consumers import Consumers
from runtime.engines.queue.amqp.properties import DUE, decode
from runtime.engines.queue.amqp.session import Session
from runtime.engines.queue.amqp.topology import dead_letters_of
from runtime.engines.queue.driver_queue import Closed, DriverQueue, Full, NotHeld, requeue_elsewhere
from runtime.engines.queue.message import Message
from runtime.engines.sql.contract import JoinableTransaction
from runtime.service import Unavailable

MOST_AHEAD = 65_535
"""The largest prefetch that AMQP has a number for."""


class Queue(Protocol):
    """The queue, as its subscriptions use it."""

    @property
    def name(self) -> str: ...

    @property
    def clock(self) -> Clock: ...

    async def declared(self) -> Session:
        """The session, once the queue is on the broker. Raises Unavailable."""
        ...

    def forget(self, subscription: AmqpSubscription) -> None:
        """Called when it has ended, and holds nothing."""
        ...


class AmqpSubscription:
    """Has the broker send up to `prefetch` messages, or as many as there were receivers at once.

    A lost connection gives all of them back, and those who wait go on waiting for the next one.
    """

    settles_in_background = False

    def __init__(self, queue: Queue, prefetch: int) -> None:
        self._queue = queue
        self._time = queue.clock.time
        self._monotonic = queue.clock.monotonic
        self._prefetch = prefetch
        self._ahead: deque[Message] = deque()
        self._held: set[Message] = set()
        """In hand or ahead; a message that is being settled is not."""
        self._receivers: deque[asyncio.Future[None]] = deque()
        self._consumers: Consumers | None = None
        self._extending: asyncio.Task[None] | None = None
        self.asking_since: float | None = None
        self._settling = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._ended = False
        """True if nothing arrives any more; what is held may still be settled."""

    def attach(self) -> None:
        """Receive: the driver runs."""
        if self._receivers and not self._closed:
            self._extend()

    def detach(self) -> None:
        """Forget what is held: the connection is lost, and the broker took it back."""
        self._held.clear()
        self._ahead.clear()
        self._consumers = None
        if self._closed:
            self._queue.forget(self)
        elif self._receivers:
            self._ask()

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
        self.ack_nowait(message)

    def ack_nowait(self, message: Message) -> None:
        channel = self._take_out(message)
        self._send_ack(channel, message)

    async def retry(self, message: Message, delay: float, error: str | None = None) -> None:
        session, name = await self._queue.declared(), self._queue.name
        try:
            await self._replace(
                message, lambda: session.move(name, message, delay, message.attempt)
            )
        except Full:
            # To give it back counts as a delivery too. Through a delay queue it would wait for the
            # broker's next try, which is after three minutes.
            self._nack(message)

    async def release(self, messages: Sequence[Message]) -> None:
        # Messages ahead are released too: else they would overtake the others.
        released = [message for message in (*messages, *self._ahead) if message in self._held]
        self._ahead.clear()
        for message in released:
            self._nack(message)
        self._end()

    async def bury(self, message: Message, dead_letter: Message, to: DriverQueue | None) -> None:
        if to is None:
            session, store = await self._queue.declared(), dead_letters_of(self._queue.name)
            await self._replace(message, lambda: session.move(store, dead_letter))
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
        if not self._closed:
            self._closed = True
            while self._receivers:
                self._wake_receiver()
        if self._extending is not None:
            await asyncio.wait([self._extending])
        if (consumers := self._consumers) is not None and not self._ended:
            await consumers.cancel()
            if self._ahead:
                await self.release(())
                await consumers.wait()  # who subscribes next gets them before what is behind them
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._ended = True
        self._end()

    def _take_out(self, message: Message) -> Channel:
        """Begin to settle a message. Raises NotHeld."""
        if message not in self._held or self._consumers is None:
            raise NotHeld(f"message '{message.id}' was settled before, or the connection was lost")
        self._held.remove(message)
        return self._consumers.channel

    def _nack(self, message: Message) -> None:
        try:
            self._take_out(message).raw.basic_nack(message.token, requeue=True)
        except (NotHeld, *CLOSED):
            pass  # the broker took it back

    def _send_ack(self, channel: Channel, message: Message) -> None:
        if not channel.ack(message.token):
            raise NotHeld(f"message '{message.id}': the connection was lost")
        if self._ended:
            self._end()

    async def _replace(self, message: Message, publish: Callable[[], Awaitable[object]]) -> None:
        """Publish what takes the message's place, then ack it: twice at worst, and never lost."""
        channel = self._take_out(message)
        self._settling += 1
        try:
            await publish()
        except BaseException as error:
            if not self._is_current(channel) or channel.closed.done():
                # Whatever it was: the broker took the message back.
                if isinstance(error, Exception):
                    raise NotHeld(f"message '{message.id}': {error}") from None
                raise
            self._held.add(message)
            raise
        finally:
            self._settling -= 1
        if not self._is_current(channel):
            return  # the broker took it back, so it is there twice
        self._send_ack(channel, message)

    def _on_message(
        self,
        channel: Channel,
        delivery: Basic.Deliver,
        properties: BasicProperties,
        body: bytes,
    ) -> None:
        if not self._is_current(channel):
            return
        message = decode(properties, body, delivery.delivery_tag)
        self._held.add(message)
        due = properties.headers.get(DUE) if properties.headers else None
        if isinstance(due, int) and (left := due / 1e6 - self._time()) > 0:
            task = asyncio.get_running_loop().create_task(self._put_off(message, left))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        self._ahead.append(message)
        if self._receivers:
            self._wake_receiver()

    def _is_current(self, channel: Channel) -> bool:
        """False if the connection of a channel is lost."""
        return self._consumers is not None and channel is self._consumers.channel

    async def _put_off(self, message: Message, delay: float) -> None:
        """Send a message round again, which is delayed for longer than a delay queue can."""
        try:
            session, name = await self._queue.declared(), self._queue.name
            attempts = message.attempt - 1
            await self._replace(message, lambda: session.move(name, message, delay, attempts))
        except (NotHeld, Unavailable):
            pass  # the broker has it, and delivers it again

    def _wake_receiver(self) -> None:
        while self._receivers:
            receiver = self._receivers.popleft()
            if not receiver.done():
                receiver.set_result(None)
                return

    async def _arrival(self) -> None:
        receiver = asyncio.get_running_loop().create_future()
        self._receivers.append(receiver)
        if self._wanted() > self._credit:
            self._extend()
        try:
            await receiver
        except asyncio.CancelledError:
            if receiver in self._receivers:
                self._receivers.remove(receiver)
            elif self._ahead:
                self._wake_receiver()
            raise

    @property
    def _credit(self) -> int:
        return 0 if self._consumers is None else self._consumers.credit

    def _wanted(self) -> int:
        in_hand = len(self._held) - len(self._ahead) + self._settling
        return min(MOST_AHEAD, max(self._prefetch, in_hand + len(self._receivers)))

    def _ask(self) -> None:
        if self.asking_since is None:
            self.asking_since = self._monotonic()

    def _extend(self) -> None:
        self._ask()
        if self._extending is None:
            self._extending = asyncio.get_running_loop().create_task(self._consume())

    async def _consume(self) -> None:
        """Have the broker send as much as is wanted. All workers that wait in this turn count, so
        that usually one consumer is enough.
        """
        session = None
        try:
            session = await self._queue.declared()
            while (more := self._wanted() - self._credit) > 0 and not self._closed:
                if self._consumers is None:
                    channel = await session.channel()
                    channel.raw.add_on_cancel_callback(lambda _: session.fail(self._cancelled()))
                    self._consumers = Consumers(channel, self._queue.name, self._on_message)
                await self._consumers.add(more)
            self.asking_since = None
        except (Unavailable, ChannelClosed) as error:
            if session is not None:  # else `attach` is called when the driver runs
                session.fail(Unavailable(f"nothing is received: {error}"))
        finally:
            self._extending = None

    def _cancelled(self) -> Unavailable:
        name = self._queue.name
        return Unavailable(f"the broker cancelled a consumer: '{name}' was deleted, or moved")

    def _end(self) -> None:
        if self._ended and not (self._held or self._settling):
            if self._consumers is not None:
                self._consumers.channel.close()
                self._consumers = None
            self._queue.forget(self)
