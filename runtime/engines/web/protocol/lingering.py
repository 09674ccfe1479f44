"""Closer: the transport of a connection, as the answer to a request sees it."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Closable(Protocol):
    """A connection: its transport, and how an answer ends it."""

    @property
    def transport(self) -> asyncio.Transport: ...

    def finish(self) -> None: ...


class LingeringTransport:
    """A transport as the request-response cycle sees it: `close` lingers."""

    __slots__ = ("close", "is_closing", "write")

    def __init__(self, connection: Closable) -> None:
        self.write = connection.transport.write
        self.is_closing = connection.transport.is_closing
        self.close = connection.finish

    def lose(self) -> None:
        """The client has gone: of pipelined requests uvicorn tells only the last one so."""
        self.write = self.close = nothing


def nothing(data: object = None) -> None:
    """What becomes of an answer to a client that has gone."""
