"""Mishaps: errors as pages, for whoever looks in a browser."""

from __future__ import annotations

from typing import Any

from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime import codec
from runtime.engines.management.pages.reception import Reception
from runtime.engines.management.table import Desk
from runtime.engines.web.problem import CONTENT_TYPE
from runtime.loggers import logger

log = logger("runtime.management")

_BODILY = (b"content-type", b"content-length")


class Mishaps:
    """An ASGI application before another one: a problem document of that becomes a page."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self._app = app
        self._reception = Reception(desk)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held: list[Message] = []

        async def hold(message: Message) -> None:
            if held or (
                message["type"] == "http.response.start" and CONTENT_TYPE in message["headers"]
            ):
                held.append(message)
            else:
                await send(message)

        await self._app(scope, receive, hold)
        if held:
            for message in await self._page(scope, *held) or held:
                await send(message)

    async def _page(self, scope: Scope, start: Message, *rest: Message) -> list[Message] | None:
        """The page in place of a problem document; None if it cannot be made."""
        try:
            problem: dict[str, Any] = codec.decode(b"".join(part.get("body", b"") for part in rest))
            page = await self._reception.mishap(scope, problem)
        except Exception:  # perhaps the very one that it would tell of
            log.exception("there is no page for an error")
            return None
        response = HTMLResponse(page)
        kept = [each for each in start["headers"] if each[0] not in _BODILY]
        return [
            {**start, "headers": [*kept, *response.raw_headers]},
            {"type": "http.response.body", "body": response.body},
        ]
