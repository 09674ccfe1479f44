"""Flow: pauses a client that sends more than is read, and responses that it does not take."""

from __future__ import annotations

import asyncio

HIGH_WATER = 64 * 1024
"""Bytes that may wait to be read by the application before the client is paused."""


class Flow:
    """The flow control of one connection, in both directions."""

    __slots__ = ("_transport", "_writable", "read_paused", "write_paused")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._writable = asyncio.Event()
        self._writable.set()
        self.read_paused = self.write_paused = False

    async def drain(self) -> None:
        """Wait until the client has taken enough of what was written."""
        await self._writable.wait()

    def pause_reading(self) -> None:
        if not self.read_paused:
            self.read_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self.read_paused:
            self.read_paused = False
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        self.write_paused = True
        self._writable.clear()

    def resume_writing(self) -> None:
        self.write_paused = False
        self._writable.set()
