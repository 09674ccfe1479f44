"""Shared: the state that all connections of a server share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from runtime.engines.web.admission import Admission
from runtime.engines.web.response import Headers
from runtime.engines.web.timeouts import Timeouts

if TYPE_CHECKING:
    from runtime.engines.web.protocol.connection import Connection


@dataclass(slots=True, kw_only=True)
class Shared:
    """State that all connections of a server share."""

    app: ASGIApp
    timeouts: Timeouts
    admission: Admission
    clients: set[Connection] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    """Requests that the application works on."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a connection has been closed."""
    headers: Headers = field(default_factory=list)
    """Sent with each response."""
    stopping: bool = False
