"""Topic: sends values to all that listen now, in this program and in the others."""

from __future__ import annotations

import asyncio
from typing import Any

from runtime import codec
from runtime.engines.topic.contract import Broadcast
from runtime.engines.topic.listening import Listeners, Listening
from runtime.service import Ready


class Topic:
    """Values that are live: whoever does not listen misses them."""

    def __init__(
        self, id: str, *, max_value: int, backlog: int, broadcast: Broadcast | None
    ) -> None:
        """`max_value` in bytes of JSON; `backlog` is the number of values kept for a listener.

        Without `broadcast`, the topic is within this program.
        """
        self._id = id
        self._max_value = max_value
        self._backlog = backlog
        self._broadcast = broadcast
        self._listeners = Listeners()

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        if self._broadcast is None:
            ready()
            await stop.wait()
        else:
            await self._broadcast.run(ready, stop, self._listeners.deliver)
        self._listeners.end()  # not after a failure: they go on when it runs again

    async def send(self, value: Any) -> None:
        """Send a JSON value. Returns once it is on its way; there is nobody who acknowledges it.

        Raises TypeError for what is not JSON, ValueError for one that is too long, and Unavailable
        if the database cannot be reached; then nobody has got it.
        """
        body = codec.encode(value, "the value")
        if len(body) > self._max_value:
            raise ValueError(
                f"the value has {len(body)} bytes as JSON, and '{self._id}' takes "
                f"{self._max_value} (max_value)"
            )
        if self._broadcast is not None:
            await self._broadcast.send(body)
        self._listeners.deliver(body)

    def listen(self) -> Listening:
        """Listen from now on, for as long as the result is held."""
        listening = Listening(self._id, self._backlog)
        self._listeners.add(listening)
        return listening
