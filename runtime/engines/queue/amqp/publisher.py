"""Publisher: publishes on one channel, and waits for the broker's confirms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from pika.spec import Basic, BasicProperties

from runtime.engines.queue.amqp.channel import CLOSED, Channel
from runtime.engines.queue.driver_queue import Full
from runtime.service import Unavailable

if TYPE_CHECKING:
    from pika.channel import Channel as PikaChannel
    from pika.frame import Method

BLOCKED = "the broker accepts no messages: it is short of memory or disk"


class Unroutable(Exception):
    """The broker has no queue for a message, and did not keep it."""


class Pending(msgspec.Struct, eq=False):
    """A message that is not confirmed yet."""

    future: asyncio.Future[None]
    id: str | None
    patient: bool
    sent: float
    """On the clock of the event loop."""
    returned: bool = False


class Publisher:
    """What is published in one turn of the loop is sent together; the broker confirms in groups."""

    def __init__(self, channel: Channel, patience: float, on_silence: Callable[[], None]) -> None:
        """`on_silence` is called when a confirm is overdue by `patience` seconds: a broker that
        has just started forgets what it gets before its queues have a leader, and goes on to live.
        """
        self.is_blocked = False
        self._channel = channel
        self._patience = patience
        self._on_silence = on_silence
        self._publish = channel.raw.basic_publish
        self._loop = asyncio.get_running_loop()
        self._create_future = self._loop.create_future
        self._now = self._loop.time
        self._since = self._now()
        """The latest time at which the broker was known to accept nothing."""
        self._look: asyncio.TimerHandle | None = None
        self._tag = 0
        self._pending: dict[int, Pending] = {}

    async def start(self) -> None:
        """Have the broker confirm. Raises ChannelClosed."""
        self._channel.raw.add_on_return_callback(self._on_return)
        await self._channel.call("confirm_delivery", ack_nack_callback=self._on_confirm)

    def publish(
        self,
        exchange: str,
        routing_key: str,
        body: bytes,
        properties: BasicProperties,
        patient: bool = False,
    ) -> asyncio.Future[None]:
        """Publish a message. The future is done when the broker has it on disk, on most of its
        nodes; it raises Full, Unroutable, or Unavailable if the outcome is not known.

        One that is `patient` waits for as long as the broker accepts nothing; others raise
        Unavailable at once.
        """
        future: asyncio.Future[None] = self._create_future()
        if self.is_blocked and not patient:
            raise Unavailable(BLOCKED)
        try:
            self._publish(exchange, routing_key, body, properties, True)
        except CLOSED:
            raise Unavailable("the connection to the broker is closed") from None
        self._tag += 1
        self._pending[self._tag] = Pending(future, properties.message_id, patient, self._now())
        if self._look is None:
            self._look = self._loop.call_later(self._patience / 2, self._check)
        return future

    def unblock(self) -> None:
        """Called when the broker accepts messages again."""
        self.is_blocked = False
        self._since = self._now()

    def block(self) -> None:
        """Fail those who wait: the broker takes what was sent when it has room again."""
        self.is_blocked = True
        for pending in self._pending.values():
            if not pending.patient:
                _fail(pending, Unavailable(f"{BLOCKED}; this one may be accepted later"))

    def lost(self, error: Unavailable) -> None:
        """Fail those who wait: nobody knows if the broker accepted them."""
        for pending in self._pending.values():
            _fail(pending, Unavailable(f"{error}; the message may have been accepted"))
        self._pending.clear()
        if self._look is not None:
            self._look.cancel()

    async def drain(self) -> None:
        """Wait until all is confirmed."""
        futures = [pending.future for pending in self._pending.values()]
        if futures := [future for future in futures if not future.done()]:
            await asyncio.wait(futures)

    def _check(self) -> None:
        """Look for an overdue confirm."""
        self._look = None
        if not self._pending:
            return
        oldest = next(iter(self._pending.values()))
        if self.is_blocked or self._now() - max(oldest.sent, self._since) < self._patience:
            self._look = self._loop.call_later(self._patience / 2, self._check)
        else:
            self._on_silence()

    def _on_confirm(self, frame: Method[Basic.Ack | Basic.Nack]) -> None:
        method = frame.method
        accepted = isinstance(method, Basic.Ack)
        tag: int = method.delivery_tag
        if not method.multiple:
            if pending := self._pending.pop(tag, None):
                self._confirm(pending, accepted)
            return
        for earlier in [*self._pending]:  # in the order of their tags
            if earlier > tag:
                break
            self._confirm(self._pending.pop(earlier), accepted)

    def _confirm(self, pending: Pending, accepted: bool) -> None:
        future = pending.future
        if future.done():
            return
        if pending.returned:
            future.set_exception(Unroutable())
        elif accepted:
            future.set_result(None)
        else:
            future.set_exception(Full())

    def _on_return(
        self, _: PikaChannel, __: Basic.Return, properties: BasicProperties, ___: bytes
    ) -> None:
        """The broker returns a message before it confirms it."""
        for pending in self._pending.values():
            if pending.id == properties.message_id and not pending.returned:
                pending.returned = True
                return


def _fail(pending: Pending, error: Exception) -> None:
    if not pending.future.done():
        pending.future.set_exception(error)
