"""LingeringTransport: the transport of a connection, as a request-response cycle uses it."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Finishing(Protocol):
    """A connection that closes once the pending response is written."""

    @property
    def transport(self) -> asyncio.Transport: ...

    def finish(self) -> None: ...


class LingeringTransport:
    """A transport whose `close` lingers until the client has read the response."""

    __slots__ = ("close", "is_closing", "write")

    def __init__(self, connection: Finishing) -> None:
        self.write = connection.transport.write
        self.is_closing = connection.transport.is_closing
        self.close = connection.finish

    def detach(self) -> None:
        """Discard further writes: of pipelined requests uvicorn tells only the last of the loss."""
        self.write = self.close = discard


def discard(data: object = None) -> None:
    """Stand in for a method whose client has gone."""
