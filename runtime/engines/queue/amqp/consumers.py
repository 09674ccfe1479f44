"""Consumers: what has the broker send messages of one queue on one channel."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from pika.spec import Basic, BasicProperties

from runtime.engines.queue.amqp.channel import CLOSED, Channel, ChannelClosed

if TYPE_CHECKING:
    from pika.channel import Channel as PikaChannel

OnMessage = Callable[[Channel, Basic.Deliver, BasicProperties, bytes], None]


class Consumers:
    """The limit of a consumer cannot be changed, so that there may be several."""

    def __init__(self, channel: Channel, queue: str, on_message: OnMessage) -> None:
        self.channel = channel
        self.credit = 0
        """The most unsettled messages that the broker lets them have together."""
        self._queue = queue
        self._on_message = on_message
        self._tags: list[str] = []

    async def add(self, prefetch: int) -> None:
        """Add a consumer. Raises ChannelClosed."""
        self.credit += prefetch
        await self.channel.call("basic_qos", prefetch_count=prefetch)
        answer = await self.channel.call(
            "basic_consume", queue=self._queue, on_message_callback=self._on_delivery
        )
        self._tags.append(answer.method.consumer_tag)

    async def cancel(self) -> None:
        """End them. Afterwards nothing arrives."""
        with suppress(ChannelClosed, *CLOSED):
            for tag in self._tags:
                # pika's own method rejects what arrives until the answer, which counts as a
                # delivery on every version, and puts it before what is ahead.
                self.channel.raw._send_method(Basic.Cancel(consumer_tag=tag, nowait=True))
        await self.wait()
        await self.wait()  # this answer comes after what the queue sent before the other one

    async def wait(self) -> None:
        """Wait until the broker has passed on to the queue what was sent on the channel before."""
        with suppress(ChannelClosed, *CLOSED):  # then it takes everything back
            await self.channel.call("basic_qos", prefetch_count=1)

    def _on_delivery(
        self,
        _: PikaChannel,
        delivery: Basic.Deliver,
        properties: BasicProperties,
        body: bytes,
    ) -> None:
        self._on_message(self.channel, delivery, properties, body)
