"""Dispatcher: the ASGI application that routes each request to its handler."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.engines.web import problem, response
from runtime.engines.web.exchange import NO_PARAMS, Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.response import EncodedResponse
from runtime.engines.web.routes import NO_GROUP, Group, Match, Route, Routes
from runtime.telemetry import OFF, TRACEPARENT, Telemetry

_log = logging.getLogger("runtime.http")
# Middleware hands on nothing but the scope, so these travel in it.
_EXCHANGE, _ROUTE = "runtime.exchange", "runtime.route"


class Dispatcher:
    """Answers every request, including those that no route matches, and never raises.

    A request body of more than `max_body` bytes is refused with 413. With a telemetry listener,
    each request is a span `http.request`.
    """

    def __init__(self, *, max_body: int, telemetry: Telemetry = OFF) -> None:
        self._max_body = max_body
        self._telemetry = telemetry if telemetry.enabled else None
        self.serve(Routes())

    def serve(self, routes: Routes) -> None:
        """Replace the routes. Requests in flight finish with the old ones."""
        innermost: ASGIApp = self._innermost
        chains = {
            group: functools.reduce(
                lambda app, wrap: wrap(app), reversed(group.middleware), innermost
            )
            for group in routes.groups
            if group.middleware
        }
        self._routes = routes
        self._chains: dict[Group, ASGIApp] = chains

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # Not a coroutine function: that would add a coroutine to every request.
        if scope["type"] != "http":
            raise RuntimeError(f"scope '{scope['type']}' is not served; only 'http' is")
        exchange = Exchange(scope, receive, send, self._max_body)
        match = self._routes.match(scope["method"], scope["raw_path"])
        if match.params is not NO_PARAMS:
            scope["path_params"] = match.params
        route = match.route or _fallback(match, scope["method"])
        chain = self._chains.get(match.group) if self._chains else None
        if self._telemetry is not None:
            return _respond_traced(self._telemetry, chain, exchange, route)
        if chain is not None:
            return _respond_through(chain, exchange, route)
        return _respond(exchange, route, exchange.request_id)

    async def _innermost(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application inside a group's middleware."""
        exchange: Exchange = scope[_EXCHANGE]
        exchange.scope, exchange.receive, exchange.send = scope, receive, send
        await _respond(exchange, scope[_ROUTE], None)


async def _respond_traced(
    telemetry: Telemetry, chain: ASGIApp | None, exchange: Exchange, route: Route
) -> None:
    """Respond within a span, whose parent may be the client's, named by `traceparent`."""
    send = exchange.send
    exchange.fast_path = None  # would bypass `send_recorded`
    attributes: dict[str, Any] = {"http.request.method": exchange.scope["method"]}
    if route.path:
        attributes["http.route"] = route.path
    traceparent = exchange.headers.get(TRACEPARENT.encode(), b"").decode("latin-1")
    with telemetry.span(
        "http.request", route.name, traceparent=traceparent or None, **attributes
    ) as span:

        async def send_recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                span.attributes["http.response.status_code"] = message["status"]
            await send(message)

        exchange.send = send_recorded
        if chain is None:
            await _respond(exchange, route, exchange.request_id)
        else:
            await _respond_through(chain, exchange, route)


async def _respond_through(chain: ASGIApp, exchange: Exchange, route: Route) -> None:
    """Respond through a group's middleware. Whatever comes out of it gets the request id."""
    scope, send = exchange.scope, exchange.send
    exchange.fast_path = None
    request_id = exchange.request_id
    scope[_EXCHANGE], scope[_ROUTE] = exchange, route
    started = False

    async def send_with_id(message: Message) -> None:
        nonlocal started
        if message["type"] == "http.response.start":
            started = True
            message["headers"] = [*message.get("headers", ()), _id_header(request_id)]
        await send(message)

    try:
        await chain(scope, exchange.receive, send_with_id)
    except Exception as error:
        _log_failure(error, exchange, route)
        if not started:
            result = response.encode_error(HTTPError(500), None, request_id)
            result.headers.append(_id_header(request_id))
            await _send(send, result)


async def _respond(exchange: Exchange, route: Route, request_id: str | None) -> None:
    """Call the handler and send its response, with `request_id` as a header if it is given."""
    send = exchange.send
    try:
        value = await route.handler(exchange)
        if isinstance(value, Response):
            response.prepare(value, exchange.builder, exchange.scope["method"])
            await _send_starlette(value, exchange, route, request_id)
            return
        result = response.encode(value, exchange.builder)
    except HTTPError as error:
        result = _raised(error, exchange, route)
    except ClientDisconnect:
        return
    except BaseException as error:  # SystemExit too: a handler must not end the server
        task = asyncio.current_task()
        if isinstance(error, GeneratorExit) or (task is not None and task.cancelling()):
            raise  # the server is being cut off and the client is gone
        result = _failed(error, exchange, route)
    if request_id is not None:
        result.headers.append(_id_header(request_id))
    if exchange.fast_path is None or not exchange.fast_path.send_response(*result):
        await _send(send, result)


async def _send_starlette(
    value: Response, exchange: Exchange, route: Route, request_id: str | None
) -> None:
    """Send a Starlette response. One that fails half way is cut off: it cannot become a 500."""
    if request_id is not None:
        value.raw_headers = [*value.raw_headers, _id_header(request_id)]
    try:
        await value(exchange.scope, exchange.receive, exchange.send)
    except ClientDisconnect:
        return
    except Exception as error:
        _log_failure(error, exchange, route)


async def _send(send: Send, result: EncodedResponse) -> None:
    status, headers, body = result
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _raised(error: HTTPError, exchange: Exchange, route: Route) -> EncodedResponse:
    """The response to an error that the handler raised on purpose."""
    try:
        return response.encode_error(error, exchange.builder, exchange.request_id)
    except Exception as fault:  # the error's headers or members cannot be sent
        return _failed(fault, exchange, route)


def _failed(error: BaseException, exchange: Exchange, route: Route) -> EncodedResponse:
    """The response to an unhandled exception: the status its class declares, or 500."""
    declared = problem.declared(error)
    if declared is None:
        _log_failure(error, exchange, route)
        return response.encode_error(HTTPError(500), None, exchange.request_id)
    return response.encode_error(declared, exchange.builder, exchange.request_id)


def _log_failure(error: BaseException, exchange: Exchange, route: Route) -> None:
    _log.error(
        "%s %s failed: %s",
        exchange.scope["method"],
        route.path,
        type(error).__name__,
        exc_info=error,
        extra={"entry": route.name, "request_id": exchange.request_id},
    )


def _id_header(request_id: str) -> tuple[bytes, bytes]:
    return b"x-request-id", request_id.encode("ascii")


def _fallback(match: Match, method: str) -> Route:
    """A route that answers a request for which the table has none."""
    if not match.decodable:
        return _refusal(HTTPError(400, "the path is not UTF-8"))
    if not match.allowed:
        return _refusal(HTTPError(404, "nothing is served at this path"))
    allow = {"Allow": ", ".join(sorted(match.allowed | {"OPTIONS"}))}
    if method == "OPTIONS":

        async def list_methods(exchange: Exchange) -> Response:
            return Response(status_code=204, headers=allow)

        return Route(method="", path="", handler=list_methods, group=NO_GROUP)
    return _refusal(HTTPError(405, f"{method} is not served at this path", headers=allow))


def _refusal(error: HTTPError) -> Route:
    async def refuse(exchange: Exchange) -> None:
        raise error

    return Route(method="", path="", handler=refuse, group=NO_GROUP)
