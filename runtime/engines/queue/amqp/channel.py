"""Channel: one AMQP channel, whose methods are awaited."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pika.exceptions import AMQPChannelError, AMQPConnectionError, ChannelClosedByBroker

from runtime.engines.queue.amqp import frames
from runtime.engines.queue.amqp.output import Output

if TYPE_CHECKING:
    from pika.channel import Channel as PikaChannel

CLOSED = (AMQPChannelError, AMQPConnectionError)
"""Raised by methods of a channel that is closed, or whose connection is."""


class ChannelClosed(Exception):
    """The channel ended: the broker refused something, or the connection was lost."""

    def __init__(self, reason: BaseException) -> None:
        self.code = reason.reply_code if isinstance(reason, ChannelClosedByBroker) else 0
        """The broker's code, such as 404 or 406; 0 if it is not the broker's doing."""
        text = reason.reply_text if isinstance(reason, ChannelClosedByBroker) else ""
        super().__init__(text or str(reason) or type(reason).__name__)


class Channel:
    """Wraps a channel of pika, which is `raw`."""

    def __init__(self, raw: PikaChannel, output: Output) -> None:
        self.raw = raw
        self.output = output
        self.number = raw.channel_number
        self.frame_max: int = raw.connection.params.frame_max
        """Bytes of a frame, as agreed with the broker."""
        self.closed: asyncio.Future[ChannelClosed] = asyncio.get_running_loop().create_future()
        """Done, with the reason, when the channel has ended."""
        self._calls: set[asyncio.Future[Any]] = set()
        raw.add_on_close_callback(self._on_close)

    async def call(self, method: str, **arguments: Any) -> Any:
        """Call a method of `raw` that takes a callback, and wait for the broker's answer.

        Raises ChannelClosed.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def on_answer(frame: object) -> None:
            if not answer.done():
                answer.set_result(frame)

        self._calls.add(answer)
        self.output.flush()
        try:
            getattr(self.raw, method)(callback=on_answer, **arguments)
            return await answer
        except CLOSED as error:
            raise self.closed.result() if self.closed.done() else ChannelClosed(error) from None
        finally:
            self._calls.discard(answer)

    def ack(self, tag: int) -> bool:
        """Ack a delivery, in this turn of the loop. Returns False if the channel is closed."""
        if not self.raw.is_open:
            return False
        self.output.add(frames.ack(self.number, tag))
        return True

    def close(self) -> None:
        """Close the channel, without waiting. The broker takes back what is unsettled."""
        self.output.flush()
        if self.raw.is_open:
            self.raw.close()

    def _on_close(self, _: PikaChannel, reason: BaseException) -> None:
        closed = ChannelClosed(reason)
        if not self.closed.done():
            self.closed.set_result(closed)
        for answer in self._calls:
            if not answer.done():
                answer.set_exception(closed)
