"""Drain: the end of a server's run, as the responses see it that are still being sent."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Protocol

_LAST_MOMENT = 1.0
"""Seconds before the end of `stop_timeout` at which all streams are closed."""


class Stream(Protocol):
    """A response whose end is not known."""

    @property
    def is_endless(self) -> bool:
        """True if its type says that it goes on for as long as somebody listens."""
        ...

    @property
    def awaits_stop(self) -> bool:
        """True if its handler waits for the stop, to end the response itself."""
        ...

    def close(self) -> None:
        """End it now."""
        ...


class Drain:
    """Tells handlers that a stop has begun, and ends the streams that would outlast it.

    At the stop, an endless stream is closed unless its handler waits for the stop. Other streams
    go on, since a download of unknown length comes to its end, and are closed at the last moment.
    """

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self._streams: set[Stream] = set()

    async def follow(self, stop: asyncio.Event, allowed: Callable[[], float]) -> None:
        """Wait for the stop, which may then take `allowed()` seconds, and end the streams."""
        await stop.wait()
        self.stopping.set()
        for stream in list(self._streams):
            self._close_endless(stream)
        timeout = allowed()
        if timeout == math.inf:
            return
        await asyncio.sleep(max(timeout - _LAST_MOMENT, timeout / 2))
        for stream in list(self._streams):
            stream.close()

    @property
    def open(self) -> int:
        """The number of event streams and WebSockets."""
        return sum(stream.is_endless for stream in self._streams)

    def add(self, stream: Stream) -> None:
        self._streams.add(stream)
        if self.stopping.is_set():
            self._close_endless(stream)

    def discard(self, stream: Stream) -> None:
        self._streams.discard(stream)

    def _close_endless(self, stream: Stream) -> None:
        if stream.is_endless and not stream.awaits_stop:
            stream.close()
