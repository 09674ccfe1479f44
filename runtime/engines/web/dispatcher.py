"""Dispatcher: the ASGI application that takes each request to its handler and answers it."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.engines.web import problem, response
from runtime.engines.web.exchange import NO_PARAMS, Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.response import EncodedResponse
from runtime.engines.web.routes import Group, Match, Route, Routes

_log = logging.getLogger("runtime.http")
_BARE = Group()
# Where the pieces travel through the middleware, which passes on nothing but the scope.
_EXCHANGE, _ROUTE = "runtime.exchange", "runtime.route"


class _Site:
    """What is served at one time: a table, and the middleware around each group of it."""

    __slots__ = ("chains", "groups", "routes")

    def __init__(self, routes: Routes, groups: Iterable[Group], inner: ASGIApp) -> None:
        self.routes = routes
        self.groups = sorted(groups, key=lambda group: len(group.prefix), reverse=True)
        self.chains: dict[Group, ASGIApp] = {
            group: functools.reduce(lambda app, wrap: wrap(app), reversed(group.middleware), inner)
            for group in self.groups
            if group.middleware
        }

    def group(self, path: str) -> Group:
        """The group with the longest prefix of `path`: who answers when no route does."""
        for group in self.groups:
            if path == group.prefix or path.startswith(group.prefix + "/"):
                return group
        return _BARE


class Dispatcher:
    """Answers every request, also the wrong ones, and lets no exception out.

    `max_body` is the number of bytes above which a body is refused with 413.
    """

    def __init__(self, *, max_body: int) -> None:
        self._max_body = max_body
        self._site = _Site(Routes(), (), self._inner)

    def serve(self, routes: Routes, groups: Iterable[Group]) -> None:
        """Serve these from the next request on; those in flight end as they began."""
        self._site = _Site(routes, groups, self._inner)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # No coroutine of its own: it would be one more for every request to go through.
        if scope["type"] != "http":
            raise RuntimeError(f"scope '{scope['type']}' is not served; only 'http' is")
        site = self._site
        exchange = Exchange(scope, receive, send, self._max_body)
        route = site.routes.fixed(scope["method"], scope["path"])
        raw: bytes = scope["raw_path"]
        if b"%" in raw:
            route = _decoded(site.routes, scope, raw)
        elif route is None:
            route = _chosen(site.routes.find(scope["method"], scope["path"]), scope)
        if site.chains:
            own = route.group is not _BARE and not route.catches_all
            group = route.group if own else site.group(scope["path"])
            chain = site.chains.get(group)
            if chain is not None:
                return self._through(chain, exchange, route)
        return _respond(exchange, route, exchange.request_id)

    async def _through(self, chain: ASGIApp, exchange: Exchange, route: Route) -> None:
        """Answer through a group's middleware; the request id goes on whatever comes out of it."""
        scope, send = exchange.scope, exchange.send
        exchange.direct = None
        request_id = exchange.request_id
        scope[_EXCHANGE], scope[_ROUTE] = exchange, route
        started = False

        async def stamped(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), _stamp(request_id)]
            await send(message)

        try:
            await chain(scope, exchange.receive, stamped)
        except Exception as error:
            _report(error, scope, route, request_id)
            if not started:
                result = response.of_error(HTTPError(500), None, request_id)
                result.headers.append(_stamp(request_id))
                await _send(send, result)

    async def _inner(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope[_EXCHANGE]
        exchange.scope, exchange.receive, exchange.send = scope, receive, send
        await _respond(exchange, scope[_ROUTE], None)


async def _respond(exchange: Exchange, route: Route, stamp: str | None) -> None:
    """Call the handler and send its answer, with `stamp` as its request id."""
    send = exchange.send
    try:
        if route.timeout is None:
            value = await route.handler(exchange)
        else:
            value = await _in_time(exchange, route, route.timeout)
        if isinstance(value, Response):
            response.prepare(value, exchange.filled, exchange.scope["method"])
            await _stream(value, exchange, route, stamp)
            return
        result = response.of_value(value, exchange.filled)
    except HTTPError as error:
        result = _refusal(error, exchange, route)
    except ClientDisconnect:
        return
    except BaseException as error:  # also SystemExit and the like: a handler's end is not ours
        task = asyncio.current_task()
        if isinstance(error, GeneratorExit) or (task is not None and task.cancelling()):
            raise  # the server was told to end at once: there is nobody to answer any more
        result = _failure(error, exchange, route)
    if stamp is not None:
        result.headers.append(_stamp(stamp))
    if exchange.direct is None or not exchange.direct.answer(*result):
        await _send(send, result)


async def _in_time(exchange: Exchange, route: Route, seconds: float) -> Any:
    try:
        async with asyncio.timeout(seconds) as limit:
            return await route.handler(exchange)
    except TimeoutError:
        if not limit.expired():
            raise  # the handler's own
        _log.warning(
            "%s %s took longer than %g s",
            route.method,
            route.path,
            seconds,
            extra={"entry": route.name, "request_id": exchange.request_id},
        )
        raise HTTPError(504, f"no answer within {seconds:g} seconds") from None


async def _stream(response: Response, exchange: Exchange, route: Route, stamp: str | None) -> None:
    """Send a `Response`. If it fails half way there is no answer left but to cut it off."""
    if stamp is not None:
        response.raw_headers = [*response.raw_headers, _stamp(stamp)]
    try:
        await response(exchange.scope, exchange.receive, exchange.send)
    except ClientDisconnect:
        return
    except Exception as error:
        _report(error, exchange.scope, route, exchange.request_id)


async def _send(send: Send, result: EncodedResponse) -> None:
    status, headers, body = result
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _refusal(error: HTTPError, exchange: Exchange, route: Route) -> EncodedResponse:
    try:
        return response.of_error(error, exchange.filled, exchange.request_id)
    except Exception as fault:
        return _failure(fault, exchange, route)


def _failure(error: BaseException, exchange: Exchange, route: Route) -> EncodedResponse:
    """The answer to an exception nobody caught: what it declares for itself, or 500."""
    declared = problem.declared(error)
    if declared is None:
        _report(error, exchange.scope, route, exchange.request_id)
        return response.of_error(HTTPError(500), None, exchange.request_id)
    return response.of_error(declared, exchange.filled, exchange.request_id)


def _report(error: BaseException, scope: Scope, route: Route, request_id: str) -> None:
    _log.error(
        "%s %s failed: %s",
        scope["method"],
        route.path,
        type(error).__name__,
        exc_info=error,
        extra={"entry": route.name, "request_id": request_id},
    )


def _stamp(request_id: str) -> tuple[bytes, bytes]:
    return b"x-request-id", request_id.encode("ascii")


def _decoded(routes: Routes, scope: Scope, raw: bytes) -> Route:
    """Look up a path with escapes, segment by segment: a `%2F` is no boundary."""
    try:
        segments = [unquote_to_bytes(part).decode() for part in raw[1:].split(b"/")]
    except UnicodeDecodeError:
        return _refusing(HTTPError(400, "the path is not UTF-8"))
    return _chosen(routes.find_segments(scope["method"], segments), scope)


def _chosen(match: Match, scope: Scope) -> Route:
    """The route that was found, or one that says why there is none."""
    if match.route is not None:
        if match.params is not NO_PARAMS:
            scope["path_params"] = match.params
        return match.route
    if not match.allowed:
        return _refusing(HTTPError(404, "nothing is served at this path"))
    allow = {"Allow": ", ".join(sorted(match.allowed | {"OPTIONS"}))}
    if scope["method"] == "OPTIONS":
        return _standing(Response(status_code=204, headers=allow))
    return _refusing(HTTPError(405, f"{scope['method']} is not served at this path", headers=allow))


def _refusing(error: HTTPError) -> Route:
    async def refuse(exchange: Exchange) -> None:
        raise error

    return Route(method="", path="", handler=refuse, group=_BARE)


def _standing(response: Response) -> Route:
    async def respond(exchange: Exchange) -> Response:
        return response

    return Route(method="", path="", handler=respond, group=_BARE)
