"""A server with one route whose streams end at the stop, as `http.service` lets them end."""

from __future__ import annotations

import asyncio
from typing import Any

from runtime.engines.web.address import Address
from runtime.engines.web.dispatcher import Dispatcher
from runtime.engines.web.routes import Route, Routes
from runtime.engines.web.server import Server
from tests.support.serving import PATIENT


class StreamingService:
    def __init__(self, route: Route, stop_timeout: float = 3600.0) -> None:
        self.dispatcher = Dispatcher(max_body=1000)
        self.dispatcher.serve(Routes([route]))
        self._stop_timeout = stop_timeout

    async def run(self, ready: Any, stop: asyncio.Event) -> None:
        following = asyncio.ensure_future(
            self.dispatcher.drain.follow(stop, lambda: self._stop_timeout)
        )
        server = Server(self.dispatcher, Address("127.0.0.1", 0), timeouts=PATIENT)
        try:
            await server.run(ready, stop)
        finally:
            following.cancel()
