"""Handshake: the request that opens a WebSocket, and the headers of its response."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from websockets.datastructures import Headers as RequestHeaders
from websockets.exceptions import InvalidHandshake
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.response import Headers

_log = logging.getLogger("websockets.server")
VERSION = b"13"
_OURS = frozenset({b"origin"})


class Handshake(NamedTuple):
    """A handshake that is right."""

    headers: Headers
    """Those of the response, whose status is 101."""
    subprotocol: str | None


def shake_hands(exchange: Exchange, subprotocols: Sequence[str]) -> Handshake:
    """Check the handshake and choose the first subprotocol that the client offers, if any.

    Raises HTTPError 400, and 426 for a version of the protocol that is not spoken.
    """
    version = exchange.headers.get(b"sec-websocket-version")
    if version is not None and version != VERSION:
        headers = {"Upgrade": "websocket", "Sec-WebSocket-Version": VERSION.decode()}
        raise HTTPError(426, "the version of the WebSocket protocol is 13", headers=headers)
    given = RequestHeaders()
    for name, value in exchange.scope["headers"]:
        if name not in _OURS:
            given[name.decode("latin-1")] = value.decode("latin-1")
    known = [Subprotocol(each) for each in subprotocols]
    protocol = _Negotiation(subprotocols=known, logger=_log)
    try:
        accepted, _, subprotocol = protocol.process_request(_request(given))
    except InvalidHandshake as error:
        raise HTTPError(400, f"this is no handshake of a WebSocket: {error}") from None
    finally:
        protocol.parser.close()  # else a cycle is left to the collector
    lines = [
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-accept", accepted.encode()),
    ]
    if subprotocol is not None:
        lines.append((b"sec-websocket-protocol", subprotocol.encode()))
    return Handshake(lines, subprotocol)


def _request(headers: Any) -> Request:
    return Request(path="/", headers=headers)


class _Negotiation(ServerProtocol):
    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        known = self.available_subprotocols or ()
        return next((each for each in known if each in subprotocols), None)
