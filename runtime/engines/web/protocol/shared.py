"""Shared: the state that all connections of a server share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import uvicorn
from uvicorn.server import ServerState

from runtime.engines.web.admission import Admission
from runtime.engines.web.timeouts import Timeouts


@dataclass(slots=True, kw_only=True)
class Shared:
    """State that all connections of a server share."""

    config: uvicorn.Config
    state: ServerState
    timeouts: Timeouts
    admission: Admission
    closed: asyncio.Event
    """Set whenever a connection has been closed."""
    stopping: bool = False
