"""Letters: the dead letters of one queue, in a queue of their own on the broker.

AMQP knows no search: to look at letters, they are taken and given back, in their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pika.spec import Basic, BasicProperties

from runtime.engines.queue.amqp.channel import Channel, ChannelClosed
from runtime.engines.queue.amqp.properties import decode_letter
from runtime.engines.queue.amqp.session import Session
from runtime.engines.queue.driver_queue import NotHeld
from runtime.engines.queue.message import Message
from runtime.service import Unavailable

if TYPE_CHECKING:
    from pika.channel import Channel as PikaChannel

MOST = 10_000
"""Letters among which one is looked for: the oldest ones."""


class Letters:
    """One look at the letters: those that were taken go back when it ends."""

    def __init__(self, channel: Channel, name: str) -> None:
        self._channel = channel
        self._name = name
        self._taken: list[int] = []
        self._answer: asyncio.Future[Message | None] | None = None
        channel.raw.add_callback(self._on_empty, [Basic.GetEmpty], False)

    async def list(self, limit: int) -> Sequence[Message]:
        letters: list[Message] = []
        while len(letters) < limit and (letter := await self._next()) is not None:
            letters.append(letter)
        return letters

    async def find(self, id: str) -> Message | None:
        for _ in range(MOST):
            letter = await self._next()
            if letter is None or letter.id == id:
                return letter
        return None

    async def hold(self, letter: Message) -> Message:
        """Find a letter again, to be deleted. Raises NotHeld."""
        held = await self.find(letter.id)
        if held is None:
            raise NotHeld(f"the dead letter '{letter.id}' is not there any more")
        return held

    def delete(self, letter: Message) -> None:
        self._taken.remove(letter.token)
        self._channel.raw.basic_ack(letter.token)

    def give_back(self) -> None:
        for tag in self._taken:
            self._channel.raw.basic_nack(tag, requeue=True)

    async def _next(self) -> Message | None:
        """The next letter; None if there is none. Raises ChannelClosed."""
        self._answer = asyncio.get_running_loop().create_future()
        self._channel.raw.basic_get(self._name, self._on_letter)
        either: list[asyncio.Future[Any]] = [self._answer, self._channel.closed]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not self._answer.done():
            raise self._channel.closed.result()
        letter = self._answer.result()
        if letter is not None:
            self._taken.append(letter.token)
        return letter

    def _on_letter(
        self, _: PikaChannel, method: Basic.GetOk, properties: BasicProperties, body: bytes
    ) -> None:
        self._set(decode_letter(properties, body, method.delivery_tag))

    def _on_empty(self, _: object) -> None:
        self._set(None)

    def _set(self, letter: Message | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(letter)


@asynccontextmanager
async def letters(session: Session, name: str) -> AsyncIterator[Letters]:
    """Look at the letters in the queue of that name. Raises Unavailable."""
    channel = await session.channel()
    looking = Letters(channel, name)
    try:
        yield looking
    except ChannelClosed as closed:
        raise Unavailable(f"the dead letters in '{name}' cannot be read: {closed}") from None
    finally:
        if not channel.closed.done():
            looking.give_back()
            channel.close()
