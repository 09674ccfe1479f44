"""Fallback: the answers to requests for which the table has no route."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from starlette.responses import Response

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.routes import WEBSOCKET, Match, Route


def fallback(match: Match, method: str) -> Route:
    """A route that answers a request for which the table has none."""
    if not match.decodable:
        return _refusal(HTTPError(400, "the path is not UTF-8"))
    if not match.allowed:
        return _refusal(HTTPError(404, "nothing is served at this path"))
    if method == "OPTIONS":

        async def list_methods(exchange: Exchange) -> Response:
            return Response(status_code=204, headers=_allow(match))

        return Route(method="", path="", handler=list_methods)
    return _refusal(_wrong_method(match, method))


def file_or_refusal(route: Route, match: Match, method: str) -> Route:
    """The route of a folder, for a path on which endpoints have other methods.

    If there is no such file, the method is wrong and not the path.
    """

    async def answer(exchange: Exchange) -> Any:
        try:
            return await route.handler(exchange)
        except HTTPError as error:
            if error.status != 404:
                raise
            raise _wrong_method(match, method) from None

    return replace(route, handler=answer)


def no_websocket(match: Match) -> Route:
    """A route that answers a request which opens a WebSocket where there is none."""
    if match.decodable and match.allowed:
        headers = {"Upgrade": "HTTP/1.1"}
        error = HTTPError(426, "no WebSocket is served at this path", headers=headers)
        return _refusal(error)
    return fallback(match, "GET")


def _allow(match: Match) -> dict[str, str]:
    return {"Allow": ", ".join(sorted((match.allowed | {"OPTIONS"}) - {WEBSOCKET}))}


def _wrong_method(match: Match, method: str) -> HTTPError:
    if match.allowed == {WEBSOCKET}:
        headers = {"Upgrade": "websocket"}
        return HTTPError(426, "this path is the one of a WebSocket", headers=headers)
    return HTTPError(405, f"{method} is not served at this path", headers=_allow(match))


def _refusal(error: HTTPError) -> Route:
    async def refuse(exchange: Exchange) -> None:
        raise error

    return Route(method="", path="", handler=refuse)
