"""Listening: the values that one listener has not taken yet."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Self
from weakref import WeakSet

from runtime import codec
from runtime.loggers import logger

log = logger("runtime.event")


class Listening:
    """The values of a topic from now on: `async for value in listening`, by one task.

    Ends as the topic stops. Of what is not taken in time the oldest values are dropped.
    """

    def __init__(self, topic: str, backlog: int) -> None:
        self._topic = topic
        self._bodies: deque[bytes] = deque(maxlen=backlog)
        self._news = asyncio.Event()
        self._is_over = False
        self.dropped = 0
        """The number of values that this listener has missed, since it was too slow."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        while not self._bodies:
            if self._is_over:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return codec.decode(self._bodies.popleft())

    def push(self, body: bytes) -> None:
        if len(self._bodies) == self._bodies.maxlen:
            if not self.dropped:
                log.warning(
                    "a listener of %s does not keep up: of more than %d values, the oldest are "
                    "dropped",
                    self._topic,
                    self._bodies.maxlen,
                    extra={"entry": self._topic},
                )
            self.dropped += 1
        self._bodies.append(body)
        self._news.set()

    def end(self) -> None:
        """End it once its values are taken."""
        self._is_over = True
        self._news.set()


class Listeners:
    """All that listen in this program, for as long as somebody holds them."""

    def __init__(self) -> None:
        self._all: WeakSet[Listening] = WeakSet()

    def __len__(self) -> int:
        return len(self._all)

    def add(self, listening: Listening) -> None:
        self._all.add(listening)

    def deliver(self, body: bytes) -> None:
        for each in list(self._all):
            each.push(body)

    def end(self) -> None:
        for each in list(self._all):
            each.end()
