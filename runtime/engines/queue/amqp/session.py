"""Session: the driver's connections, from one start of its service to its end or their loss."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from runtime.clock import Clock
from runtime.engines.queue.amqp.channel import Channel, ChannelClosed
from runtime.engines.queue.amqp.link import Link, connect
from runtime.engines.queue.amqp.properties import encode
from runtime.engines.queue.amqp.publisher import Publisher, Unroutable
from runtime.engines.queue.amqp.settings import Settings
from runtime.engines.queue.amqp.topology import (
    DEFAULT_EXCHANGE,
    LONGEST_DELAY,
    Topology,
    rounded,
)
from runtime.engines.queue.message import Message
from runtime.service import StartError, Unavailable

CLOSE_TIMEOUT = 0.4
"""Seconds that a broker has for its answer to a close."""


class Session:
    """Two connections: a broker that is short of memory stops to read the one that publishes, and
    acks must reach it nevertheless.
    """

    def __init__(self, clock: Clock) -> None:
        self.lost: asyncio.Future[Unavailable] = asyncio.get_running_loop().create_future()
        """Done, with the reason, when the session is over and everything held was given back."""
        self._time = clock.time
        self._monotonic = clock.monotonic
        self._links: list[Link] = []
        self.topology: Topology
        self._consuming: Link
        self._publisher: Publisher

    async def open(self, settings: Settings) -> None:
        """Connect. Raises Unavailable and StartError."""
        publishing = await connect(settings, "publish", self.fail)
        self._links.append(publishing)
        self._consuming = await connect(settings, "consume", self.fail)
        self._links.append(self._consuming)
        channel = await publishing.channel()
        patience = 2 * settings.heartbeat
        publisher = self._publisher = Publisher(channel, patience, self.fail)
        try:
            await publisher.start()
        except ChannelClosed as closed:
            raise Unavailable(f"the broker closed the channel: {closed}") from None
        channel.closed.add_done_callback(self._on_channel_closed)

        def set_blocked() -> None:
            publisher.block() if publishing.is_blocked else publisher.unblock()

        publishing.on_blocked = set_blocked
        self.topology = Topology(self._consuming.channel, self._monotonic)

    def fail(self, error: Unavailable) -> None:
        """End the session, once."""
        if not self.lost.done():
            self.lost.set_result(error)
            if hasattr(self, "_publisher"):
                self._publisher.lost(error)

    async def close(self) -> None:
        """Close the connections; the broker takes back what is unsettled."""
        self.fail(Unavailable("the connection to the broker is closed"))
        await asyncio.gather(*(link.close(CLOSE_TIMEOUT) for link in self._links))

    async def drain(self) -> None:
        """Wait until what was published is confirmed."""
        await self._publisher.drain()

    async def channel(self) -> Channel:
        """A channel to receive on. Its end is that of the session. Raises Unavailable."""
        channel = await self._consuming.channel()
        channel.closed.add_done_callback(self._on_channel_closed)
        return channel

    async def publish(
        self, queue: str, message: Message, delay: float = 0.0, attempts: int = 0
    ) -> None:
        """Publish a message. Raises Full, Unavailable and ValueError."""
        if delay > 0:
            return await self._publish_delayed(queue, message, delay, attempts, False)
        publishing = self._publisher.publish(
            DEFAULT_EXCHANGE, queue, message, encode(message, attempts)
        )
        try:
            await publishing
        except Unroutable:
            raise self._gone(queue) from None

    async def move(
        self, queue: str, message: Message, delay: float = 0.0, attempts: int = 0
    ) -> None:
        """Publish what was held before, which waits while the broker accepts nothing. Raises Full,
        for one without delay, Unavailable and ValueError.
        """
        if delay > 0:
            return await self._publish_delayed(queue, message, delay, attempts, True)
        properties = encode(message, attempts)
        try:
            await self._publisher.publish(
                DEFAULT_EXCHANGE, queue, message, properties, patient=True
            )
        except Unroutable:
            raise self._gone(queue) from None

    async def _publish_delayed(
        self, queue: str, message: Message, delay: float, attempts: int, patient: bool
    ) -> None:
        milliseconds = rounded(delay)
        due = self._time() + delay if milliseconds >= LONGEST_DELAY else None
        properties = encode(message, attempts, due)
        for _ in range(2):
            try:
                exchange = await self.topology.delay(milliseconds)
            except StartError as error:
                raise Unavailable(str(error)) from None
            with suppress(Unroutable):  # it was deleted
                return await self._publisher.publish(exchange, queue, message, properties, patient)
            self.topology.delays.pop(milliseconds, None)
        raise self._gone(f"runtime.delay.{milliseconds}")

    def _gone(self, queue: str) -> Unavailable:
        error = Unavailable(f"the queue '{queue}' is gone from the broker")
        self.fail(error)  # the next session declares it again
        return error

    def _on_channel_closed(self, closed: asyncio.Future[ChannelClosed]) -> None:
        if not closed.cancelled() and (reason := closed.result()).code:
            self.fail(Unavailable(f"the broker closed a channel: {reason} ({reason.code})"))
