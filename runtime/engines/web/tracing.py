"""Tracing: the spans of requests, and the headers that tell a client of them."""

from __future__ import annotations

from typing import Any

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.response import Headers
from runtime.engines.web.routes import METHODS, Route
from runtime.telemetry import TRACEPARENT, Root, Telemetry, Tracepoint, parse_traceparent

_TRACEPARENT = TRACEPARENT.encode()
_REQUEST_ID, _STATUS = "runtime.request.id", "http.response.status_code"
_OTHER = "_OTHER"
"""OpenTelemetry's name for methods that are not HTTP's: a client may think of many."""
FAILED = 500
"""The first status that says that the server has failed."""


class RequestTracer:
    """Makes the spans of the requests to one server."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._by_route: dict[Route, Tracepoint] = {}
        self._by_method: dict[tuple[str, Route | None], Tracepoint] = {}

    def begin(self, exchange: Exchange, route: Route | None, began: float) -> Root:
        """Begin the span of a request that came at that time, with the route that it matches.

        Its parent may be the client's, named by `traceparent`.
        """
        method = exchange.scope["method"]
        if route is not None and route.method == method:
            tracepoint = self._by_route.get(route) or self._of_route(route)
        else:
            tracepoint = self._of_method(method, route)
        given = exchange.headers.get(_TRACEPARENT)
        if given is None:
            span = tracepoint.root(None, exchange, began)
            if not span.sampled:
                return span
        else:
            span = tracepoint.root(parse_traceparent(given.decode("latin-1")), exchange, began)
        exchange.traceparent = span.traceparent.encode()
        return span

    def forget(self) -> None:
        """Forget the routes, which others replace."""
        self._by_route = {}
        self._by_method = {}

    def _of_route(self, route: Route) -> Tracepoint:
        tracepoint = self._by_route[route] = self._tracepoint(route.method, route)
        return tracepoint

    def _of_method(self, method: str, route: Route | None) -> Tracepoint:
        """The tracepoint of a route that has other methods than its own, or of no route."""
        key = (method if method in METHODS else _OTHER, route)
        tracepoint = self._by_method.get(key)
        if tracepoint is None:
            tracepoint = self._by_method[key] = self._tracepoint(*key)
        return tracepoint

    def _tracepoint(self, method: str, route: Route | None) -> Tracepoint:
        attributes = {"http.request.method": method}
        title, name = "HTTP" if method == _OTHER else method, ""
        if route is not None:
            attributes["http.route"] = route.path
            title, name = f"{title} {route.path}", route.name
        return self._telemetry.tracepoint("http.request", name, title, attributes, _describe)


def end_span(span: Root, exchange: Exchange, ended: float) -> None:
    """End the span of a request that was answered by then."""
    if exchange.status >= FAILED:
        span.failed = span.wanted = True  # with whatever error has cut it off
    if exchange.streaming_since:
        span.answered = exchange.streaming_since
    span.end_at(ended)


def _describe(exchange: Exchange) -> dict[str, Any]:
    attributes: dict[str, Any] = {_REQUEST_ID: exchange.request_id}
    if exchange.status:
        attributes[_STATUS] = exchange.status
    return attributes


def id_headers(request_id: str, traceparent: bytes | None) -> Headers:
    """The headers by which a client finds its request in the log, and in traces."""
    header = (b"x-request-id", request_id.encode("ascii"))
    return [header] if traceparent is None else [header, (_TRACEPARENT, traceparent)]
