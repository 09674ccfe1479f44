"""UpgradeCycle: a request that asks for another protocol on its connection."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import Message

from runtime.engines.web.protocol import refusal
from runtime.engines.web.protocol.cycle import CarefulCycle, Cycle
from runtime.engines.web.protocol.head import Head
from runtime.engines.web.protocol.refusal import Refused
from runtime.engines.web.protocol.shared import Shared
from runtime.engines.web.response import SWITCHING
from runtime.engines.web.websocket.upgrade import UPGRADE, Successor


class UpgradeCycle(Cycle):
    """The cycle of a request whose response may have status 101: then a successor takes over.

    Any other response is the last one on the connection. A body after 101 is discarded: middleware
    may think that there is one.
    """

    __slots__ = ("_is_taken", "_outcome", "_successor")

    def __init__(self, scope: dict[str, Any], *arguments: Any, **options: Any) -> None:
        super().__init__(scope, *arguments, **{**options, "keep_alive": False})
        scope["type"], scope[UPGRADE] = "websocket", self
        self._successor: Successor | None = None
        self._is_taken = False
        self._outcome = asyncio.Event()

    def offer(self, successor: Successor) -> None:
        self._successor = successor

    async def is_taken(self) -> bool:
        self.awaits_disconnect = True
        try:
            await self._outcome.wait()
        finally:
            self.awaits_disconnect = False
        return self._is_taken

    async def receive(self) -> Message:
        if not self._is_taken:
            return await super().receive()
        if not self.disconnected and not self.response_complete:
            await self._wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self._is_taken:
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                self.response_complete = True
                self.notify()
        elif (
            message["type"] == "http.response.start"
            and message["status"] == SWITCHING
            and self._successor is not None
            and not (self.response_started or self.disconnected)
        ):
            self.keep_alive, self.chunked = True, False  # no further lines about either
            self._send_head(SWITCHING, message.get("headers", ()))
            self._is_taken = True
            self._client.switch(self._successor)
            self._outcome.set()
        else:
            await super().send(message)

    def disconnect(self) -> None:
        super().disconnect()
        self._outcome.set()

    def _complete(self) -> None:
        super()._complete()
        self._outcome.set()


def unusual(head: Head, shared: Shared) -> type[Cycle]:
    """The cycle for a head that is not plain. Raises Refused."""
    if not head.opens_websocket:
        return CarefulCycle
    if head.is_http10 or not shared.has_websockets():
        raise Refused(refusal.WEBSOCKET)
    if head.length:
        raise Refused(refusal.BODY_OF_HANDSHAKE)
    return UpgradeCycle
