"""Mount: an ASGI application under a path."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.files import redirect_to_directory
from runtime.engines.web.lifespan import Lifespan
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.routes import ANY, WEBSOCKET, Group, Handler, Route
from runtime.engines.web.websocket.upgrade import UpgradeExchange

_PARAMETER = "path"
_OURS = ("runtime.", "path_params")
"""Beginnings of the keys in the scope that are not the application's."""


class Mount:
    """The handler of a mounted application's routes.

    The application sees the whole path as `path`, and `prefix` at the end of `root_path`. The path
    without a slash at its end is redirected to the one with it.
    """

    def __init__(self, app: ASGIApp, prefix: str, name: str) -> None:
        self._app = app
        self._prefix = prefix.rstrip("/")
        self._name = name
        self.lifespan = Lifespan(app, name)

    def routes(self, group: Group | None) -> list[Route]:
        """Its routes, in a group, or else in the one with the longest prefix."""
        everything = f"{self._prefix}/{{{_PARAMETER}...}}"
        handlers: list[tuple[str, str, Handler]] = [(ANY, everything, self.answer)]
        if self._prefix:
            handlers.append((ANY, self._prefix, redirect_to_directory))
        if find_spec("websockets") is not None:
            handlers.append((WEBSOCKET, everything, self.converse))
        options: dict[str, Any] = {"is_fallback": True} if group is None else {"group": group}
        return [
            Route(
                method=method,
                path=path,
                handler=handler,
                name=self._name,
                lifespan=self.lifespan,
                **options,
            )
            for method, path, handler in handlers
        ]

    async def answer(self, exchange: Exchange) -> Response:
        length = int(exchange.headers.get(b"content-length", 0))
        if length > exchange.max_body:  # before the first `receive`, which sends `100 Continue`
            raise HTTPError(413, f"the body is larger than {exchange.max_body} bytes")
        return Mounted(self._app, self._prefix, self.lifespan, exchange)

    async def converse(self, exchange: Exchange) -> Response:
        from runtime.engines.web.websocket.mounted import MountedSocket  # needs the extra

        assert isinstance(exchange, UpgradeExchange)
        scope = _scope(exchange.scope, self._prefix, self.lifespan)
        return MountedSocket(self._app, scope, self.lifespan, exchange)


class Mounted(Response):
    """One request to the application, which sends the response itself."""

    body_iterator = None

    def __init__(self, app: ASGIApp, prefix: str, lifespan: Lifespan, exchange: Exchange) -> None:
        super().__init__()
        self._app = app
        self._prefix = prefix
        self._lifespan = lifespan
        self._ahead = exchange.request.read_ahead()
        self._left = exchange.max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_limited() -> Message:
            message, self._ahead = self._ahead, None
            if message is None:
                message = await receive()
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise HTTPException(413, "the body is larger than this server takes")
            return message

        async with self._lifespan.use():
            mounted = _scope(scope, self._prefix, self._lifespan)
            await self._app(mounted, receive_limited, send)


def _scope(scope: Mapping[str, Any], prefix: str, lifespan: Lifespan) -> Scope:
    """The scope of a request as the application sees it."""
    own = {key: value for key, value in scope.items() if not key.startswith(_OURS)}
    return {
        **own,
        "root_path": scope.get("root_path", "") + prefix,
        "state": {**lifespan.state, **scope.get("state", {})},
    }
