"""MountedSocket: one WebSocket of a mounted application, by ASGI's messages."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.engines.web.lifespan import Lifespan
from runtime.engines.web.response import SWITCHING, Headers
from runtime.engines.web.websocket.frames import Frames
from runtime.engines.web.websocket.handshake import shake_hands
from runtime.engines.web.websocket.upgrade import STOPPING, UpgradeExchange
from runtime.engines.web.websocket.websocket import Disconnected

BACKLOG = 32
PING = 20.0
_PROTOCOLS = b"sec-websocket-protocol"
_FORBIDDEN = 403


class MountedSocket(Response):
    """Has the application accept it, or refuse it with an answer of its own.

    A message may be as long as the body of a request. Origins are the application's to check.
    """

    body_iterator = None
    is_endless = True

    def __init__(
        self, app: ASGIApp, scope: Scope, lifespan: Lifespan, exchange: UpgradeExchange
    ) -> None:
        """`scope` is that of the request, as the application sees it. Raises as `shake_hands`."""
        self.status_code = SWITCHING
        self.background = None
        self._app = app
        self._scope = scope
        self._lifespan = lifespan
        self._exchange = exchange
        self._line = Frames(max_message=exchange.max_body, backlog=BACKLOG, ping=PING)
        self._handshake = shake_hands(exchange, ()).headers
        self._offered = exchange.headers.get(_PROTOCOLS, b"").decode("latin-1")
        self._has_connected = False
        self._is_answered = self._is_open = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises what the application raises."""
        self._send = send
        line = self._line
        try:
            async with self._lifespan.use():
                await self._app(self._websocket_scope(), self._receive, self._answer)
        except (ClientDisconnect, asyncio.CancelledError):
            raise
        except BaseException:
            if self._is_open:
                line.close(1011, "the application failed")
            raise
        finally:
            self._exchange.drain.discard(self)
        if self._is_open:
            line.close(1000, "")
            await line.over.wait()
            await send({"type": "http.response.body", "body": b""})
        elif not self._is_answered:
            raise RuntimeError("the application has neither accepted nor refused the WebSocket")

    awaits_stop = False

    def close(self) -> None:
        """End it, for the server stops."""
        self._line.close(*STOPPING)

    def _websocket_scope(self) -> Scope:
        scheme = "wss" if self._scope["scheme"] == "https" else "ws"
        offered = [each.strip() for each in self._offered.split(",") if each.strip()]
        more: Mapping[str, Any] = {
            "type": "websocket",
            "scheme": scheme,
            "subprotocols": offered,
            "extensions": {"websocket.http.response": {}},
        }
        return {**{key: self._scope[key] for key in self._scope if key != "method"}, **more}

    async def _receive(self) -> Message:
        if not self._has_connected:
            self._has_connected = True
            return {"type": "websocket.connect"}
        message = await self._line.receive()
        if isinstance(message, str):
            return {"type": "websocket.receive", "text": message}
        if message is not None:
            return {"type": "websocket.receive", "bytes": message}
        assert self._line.end is not None
        code, reason = self._line.end
        return {"type": "websocket.disconnect", "code": code, "reason": reason}

    async def _answer(self, message: Message) -> None:
        kind = message["type"]
        if self._is_open:
            await self._talk(kind, message)
        elif kind == "websocket.accept":
            await self._accept(message.get("subprotocol"), [*message.get("headers", ())])
        elif kind == "websocket.close":
            await self._refuse()
        elif kind.startswith("websocket.http.response."):
            self._is_answered = True
            await self._send({**message, "type": kind.removeprefix("websocket.")})
        else:
            raise RuntimeError(f"'{kind}' is sent where 'websocket.accept' is expected")

    async def _talk(self, kind: str, message: Message) -> None:
        if kind == "websocket.close":
            self._line.close(message.get("code", 1000), message.get("reason") or "")
        elif kind == "websocket.send":
            text = message.get("text")
            data: str | bytes = message.get("bytes", b"") if text is None else text
            try:
                await self._line.send(data)
            except Disconnected as end:
                raise OSError(str(end)) from end  # as ASGI says, and Starlette expects
        else:
            raise RuntimeError(f"'{kind}' is sent where 'websocket.send' is expected")

    async def _accept(self, subprotocol: str | None, headers: Headers) -> None:
        self._is_answered = True
        if subprotocol is not None:
            headers.append((_PROTOCOLS, subprotocol.encode()))
        await self._exchange.switch(self._line, [*self._handshake, *headers], self._send)
        self._is_open = True
        self._exchange.drain.add(self)

    async def _refuse(self) -> None:
        self._is_answered = True
        headers = [(b"content-length", b"0")]
        await self._send({"type": "http.response.start", "status": _FORBIDDEN, "headers": headers})
        await self._send({"type": "http.response.body", "body": b""})
