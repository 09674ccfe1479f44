"""Output: the sending side of a connection, and the one place that ends it."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

from runtime.engines.web.protocol.deadlines import Deadlines

_AT_ONCE = struct.pack("ii", 1, 0)
LINGER = 2.0
"""Seconds for which a client that is still sending is read from after the response."""


def discard(data: object = None) -> None:
    """Stand in for a method whose client has gone."""


class Output:
    """The transport of a connection, as its requests use it. Once ended, it discards all."""

    __slots__ = ("_deadlines", "_seconds", "_transport", "close", "is_closing", "write")

    def __init__(
        self,
        transport: asyncio.Transport,
        deadlines: Deadlines,
        seconds: float,
        close: Callable[[], None],
    ) -> None:
        """A client has so many seconds to take some of a response. `close` is for requests."""
        self._transport = transport
        self._deadlines = deadlines
        self._seconds = seconds
        self.write: Callable[[bytes], None] = transport.write
        self.is_closing = transport.is_closing
        self.close = close

    def expect(self) -> None:
        """Start the write time-out if a response is pending, else end it."""
        self._deadlines.expect_output(self._transport.get_write_buffer_size(), self._seconds)

    def resume(self) -> None:
        """End the write time-out: the client has taken enough for more to be written."""
        self._deadlines.output = math.inf
        if self._transport.is_closing():
            self.expect()

    def expire(self, now: float) -> bool:
        """Abort the connection if the client has taken too little until `now`. True if so."""
        if self._deadlines.output > now:
            return False
        if self._deadlines.is_stalled(self._transport.get_write_buffer_size()):
            self._transport.abort()
            return True
        self.expect()
        return False

    def detach(self) -> None:
        """Discard from now on what requests would still send."""
        self.write, self.close, self.is_closing = discard, discard, lambda: True

    def end(self, *, linger: bool) -> None:
        """Close once all is written; with `linger`, once the client has closed its side, too.

        Closing at once would reset the connection of a client that is still sending, and it could
        lose the response.
        """
        self.detach()
        transport = self._transport
        if not linger or transport.is_closing() or not transport.can_write_eof():
            self.shut()
            return
        transport.resume_reading()
        try:
            transport.write_eof()
        except OSError:  # the client has reset the connection already
            self.shut()
            return
        self._deadlines.expect_input(LINGER)
        self.expect()

    def shut(self) -> None:
        """Close once all is written."""
        self._deadlines.input = math.inf
        self._transport.close()
        self.expect()

    def reset(self) -> None:
        """Close at once, and so that the client cannot take it for the end of a response."""
        opened = self._transport.get_extra_info("socket")
        if opened is not None:
            with suppress(OSError):
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self._transport.abort()
