"""Publisher: publishes on one channel, and waits for the broker's confirms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from pika.spec import Basic, BasicProperties

from runtime.engines.queue.amqp import frames
from runtime.engines.queue.amqp.channel import Channel
from runtime.engines.queue.driver_queue import Full
from runtime.engines.queue.message import Message
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
    id: str
    to: str
    """The name of the queue."""
    patient: bool
    sent: float
    """On the clock of the event loop."""
    returned: bool = False


class Publisher:
    """Sends together the messages of one turn of the loop; the broker confirms in groups."""

    def __init__(
        self, channel: Channel, patience: float, on_silence: Callable[[Unavailable], None]
    ) -> None:
        """A publish that is not confirmed within `patience` seconds raises Unavailable: its queue
        has no leader. `on_silence` is called with the reason if it is a patient one.
        """
        self.is_blocked = False
        self._channel = channel
        self._patience = patience
        self._on_silence = on_silence
        self._raw = channel.raw
        self._number = channel.number
        self._frame_max = channel.frame_max
        self._add = channel.output.add
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
        message: Message,
        properties: bytes,
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
        if not self._raw.is_open:
            raise Unavailable("the connection to the broker is closed")
        self._add(
            frames.publish(self._number, exchange, routing_key)
            + frames.content(self._number, properties, message.body, self._frame_max)
        )
        self._tag += 1
        self._pending[self._tag] = Pending(future, message.id, routing_key, patient, self._now())
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
        """Fail what is overdue. The rest goes on: other queues may have their leaders."""
        self._look = None
        if not self._pending:
            return
        self._look = self._loop.call_later(self._patience / 2, self._check)
        if self.is_blocked or self._now() - self._since < self._patience:
            return
        overdue = self._now() - self._patience
        for tag, pending in [*self._pending.items()]:  # in the order in which they were sent
            if pending.sent > overdue:
                break
            del self._pending[tag]
            error = self._silence(pending)
            _fail(pending, error)
            if pending.patient:
                return self._on_silence(error)

    def _silence(self, pending: Pending) -> Unavailable:
        return Unavailable(
            f"the broker did not confirm a message for '{pending.to}' within {self._patience:g} s, "
            "and may accept it later: that queue has no leader; see what 'rabbitmq-queues "
            f"quorum_status {pending.to}' says"
        )

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
