"""Shared: the state that all connections of a server share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from starlette.types import ASGIApp

from runtime.engines.web.admission import Admission
from runtime.engines.web.timeouts import Timeouts

if TYPE_CHECKING:
    from runtime.engines.web.protocol.connection import Connection
    from runtime.engines.web.websocket.upgrade import Successor


class Shared(msgspec.Struct, kw_only=True, eq=False):
    """State that all connections of a server share."""

    app: ASGIApp
    timeouts: Timeouts
    admission: Admission
    has_websockets: Callable[[], bool]
    """True if the application serves any at present."""
    clients: set[Connection | Successor] = msgspec.field(default_factory=set)
    tasks: set[asyncio.Task[None]] = msgspec.field(default_factory=set)
    """Requests that the application works on."""
    closed: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    """Set whenever a connection has been closed."""
    lines: bytes = b""
    """Headers that are sent with each response, encoded."""
    stopping: bool = False
