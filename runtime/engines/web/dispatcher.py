"""Dispatcher: the ASGI application that routes each request to its handler."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.clock import REAL, Clock
from runtime.engines.web import problem, response
from runtime.engines.web.drain import Drain
from runtime.engines.web.exchange import EXCHANGE, NO_PARAMS, Exchange
from runtime.engines.web.failure_log import FailureLog
from runtime.engines.web.fallback import fallback, file_or_refusal, no_websocket
from runtime.engines.web.file_response import send_file
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.response import EncodedResponse
from runtime.engines.web.routes import WEBSOCKET, Group, Match, Route, Routes
from runtime.engines.web.sending import Outgoing
from runtime.engines.web.tracing import FAILED, RequestTracer, end_span, id_headers
from runtime.engines.web.traffic import Traffic
from runtime.engines.web.websocket.upgrade import UPGRADE, UpgradeExchange
from runtime.telemetry import OFF, Root, Telemetry, span_time

# Middleware hands on nothing but the scope, so this and the exchange travel in it.
_ROUTE = "runtime.route"


class Dispatcher:
    """Answers every request, including those that no route matches, and never raises.

    A request body of more than `max_body` bytes is refused with 413. With telemetry, each
    request is a span `http.request`.
    """

    def __init__(
        self,
        *,
        max_body: int,
        telemetry: Telemetry = OFF,
        clock: Clock = REAL,
        traffic: Traffic | None = None,
    ) -> None:
        self.max_body = max_body
        self.drain = Drain()
        """The end of the present run; to be replaced before another one."""
        self.failures = FailureLog(clock)
        self._tracer = RequestTracer(telemetry) if telemetry.enabled else None
        self.traffic = traffic
        """The requests are counted there, if they are."""
        self.serve(Routes())

    def serve(self, routes: Routes) -> None:
        """Replace the routes. Requests in flight finish with the old ones."""
        innermost: ASGIApp = self._innermost
        chains = {
            group: functools.reduce(
                lambda app, wrap: wrap(app), reversed([*group.middleware.values()]), innermost
            )
            for group in routes.groups
            if group.middleware
        }
        if self._tracer is not None:
            self._tracer.forget()
        self._routes = routes
        self._chains: dict[Group, ASGIApp] = chains

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # Not a coroutine function: that would add a coroutine to every request.
        if scope["type"] != "http":
            return self._upgrade(scope, receive, send)
        exchange = Exchange(scope, receive, send, self)
        match = self._routes.match(scope["method"], scope["raw_path"])
        route = match.route or fallback(match, scope["method"])
        if match.params is not NO_PARAMS:
            scope["path_params"] = match.params
            if match.allowed:
                route = file_or_refusal(route, match, scope["method"])
        return self._answering(exchange, match, route)

    @property
    def has_websockets(self) -> bool:
        return self._routes.has_websockets

    def _upgrade(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer a request that opens a WebSocket: a GET for guards and middleware."""
        if UPGRADE not in scope:
            raise RuntimeError(f"scope '{scope['type']}' is not served; only 'http' is")
        scope["type"] = "http"
        exchange = UpgradeExchange(scope, receive, send, self)
        match = self._routes.match(WEBSOCKET, scope["raw_path"])
        route = match.route or no_websocket(match)
        scope["path_params"] = match.params
        return self._answering(exchange, match, route)

    def _answering(self, exchange: Exchange, match: Match, route: Route) -> Awaitable[None]:
        chain = self._chains.get(match.group) if self._chains else None
        follows = self.traffic is not None or self._tracer is not None
        if chain is None:
            return self._respond(exchange, route, exchange.request_id, match if follows else None)
        answering = self._respond_through(chain, exchange, route)
        return self._follow(exchange, match, route, answering) if follows else answering

    async def _innermost(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application inside a group's middleware."""
        exchange: Exchange = scope[EXCHANGE]
        exchange.scope, exchange.receive, exchange.send = scope, receive, send
        await self._respond(exchange, scope[_ROUTE], None)

    async def _follow(
        self, exchange: Exchange, match: Match, route: Route, answering: Awaitable[None]
    ) -> None:
        """Await the answer to a request, and note it."""
        began = span_time()
        span = None if self._tracer is None else self._tracer.begin(exchange, match.route, began)
        try:
            await answering
        except BaseException as error:  # it is cut off
            if span is not None:
                span.mark_failed(error)
            raise
        finally:
            self._note(exchange, route, began, span)

    def _note(self, exchange: Exchange, route: Route, began: float, span: Root | None) -> None:
        """Note a request that has ended and its span, both by one clock."""
        ended = span_time()
        if self.traffic is not None:
            self.traffic.note(exchange, route, (exchange.streaming_since or ended) - began)
        if span is not None:
            if exchange.status >= FAILED or exchange.streaming_since:
                end_span(span, exchange, ended)
            else:
                span.end_at(ended)

    async def _respond_through(self, chain: ASGIApp, exchange: Exchange, route: Route) -> None:
        """Respond through a group's middleware. Whatever comes out of it gets the request id."""
        scope, send = exchange.scope, exchange.send
        exchange.fast_path = None
        request_id = exchange.request_id
        scope[EXCHANGE], scope[_ROUTE] = exchange, route
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                exchange.status = message["status"]  # noqa: F821 it is deleted after the last send
                ids = id_headers(request_id, exchange.traceparent)  # noqa: F821
                message["headers"] = [*message.get("headers", ()), *ids]
            await send(message)

        try:
            await chain(scope, exchange.receive, send_with_id)
        except BaseException as error:
            if _is_cut_off(error):
                raise
            self.failures.failed(error, exchange, route)
            if not started:
                result = response.encode_error(HTTPError(500), None, request_id)
                result.headers.extend(id_headers(request_id, exchange.traceparent))
                exchange.status = result.status
                await _send(send, result)
        finally:
            # A cycle would keep what the client sent until the collector comes.
            scope.pop(EXCHANGE, None)
            exchange.scope.pop(EXCHANGE, None)
            del exchange  # that of `send_with_id` too, which the exchange and its request have

    async def _respond(
        self, exchange: Exchange, route: Route, request_id: str | None, match: Match | None = None
    ) -> None:
        """Call the handler and send its response, with `request_id` as a header if it is given.

        With its `match`, the request is noted here: another coroutine around this one would cost a
        hundredth of a small request.
        """
        if match is not None:
            began, tracer = span_time(), self._tracer
            span = None if tracer is None else tracer.begin(exchange, match.route, began)
        try:
            try:
                value = await route.handler(exchange)
                if not isinstance(value, Response):
                    result = response.encode(value, exchange.builder)
                elif type(value).__call__ is Response.__call__ and value.background is None:
                    method = exchange.scope["method"]
                    result = response.encode_starlette(value, exchange.builder, method)
                else:
                    await self._send_starlette(value, exchange, route, request_id)
                    return
            except HTTPError as error:
                result = self._raised(error, exchange, route)
            except ClientDisconnect:
                return
            except BaseException as error:
                if _is_cut_off(error):
                    raise
                result = self._failed(error, exchange, route)
            finally:
                if exchange.has_files:
                    exchange.close()
            if request_id is not None:
                result.headers.extend(id_headers(request_id, exchange.traceparent))
            exchange.status = result.status
            if exchange.fast_path is None or not exchange.fast_path.send_response(*result):
                await _send(exchange.send, result)
        except BaseException as error:  # it is cut off
            if match is not None and span is not None:
                span.mark_failed(error)
            raise
        finally:
            if match is not None:
                self._note(exchange, route, began, span)

    async def _send_starlette(
        self, value: Response, exchange: Exchange, route: Route, request_id: str | None
    ) -> None:
        """Send a Starlette response. One that fails half way is cut off: it cannot become a 500."""
        iterator = getattr(value, "body_iterator", None)
        if inspect.isasyncgen(iterator) and iterator.ag_frame is None:
            raise RuntimeError("the StreamingResponse was sent before; return a new one each time")
        ids = [] if request_id is None else id_headers(request_id, exchange.traceparent)
        outgoing = Outgoing(value, exchange, ids)
        try:
            if isinstance(value, FileResponse) and type(value).__call__ is FileResponse.__call__:
                await send_file(value, exchange.scope, outgoing)
                if value.background is not None:
                    await value.background()
            else:
                await value(exchange.scope, outgoing.receive, outgoing.send)
            await outgoing.finish()
        except ClientDisconnect:
            return
        except BaseException as error:
            if not outgoing.started or _is_cut_off(error):
                raise
            declared = problem.declared(error)
            if declared is None:
                self.failures.failed(error, exchange, route)
            else:
                self.failures.unavailable(error, declared.status, exchange, route)
        finally:
            exchange.drain.discard(outgoing)

    def _raised(self, error: HTTPError, exchange: Exchange, route: Route) -> EncodedResponse:
        """The response to an error that the handler raised on purpose."""
        try:
            return response.encode_error(error, exchange.builder, exchange.request_id)
        except Exception as fault:  # the error's headers or members cannot be sent
            return self._failed(fault, exchange, route)
        finally:
            # A module may raise one error again and again, and each time Python adds to this.
            error.__traceback__ = None

    def _failed(self, error: BaseException, exchange: Exchange, route: Route) -> EncodedResponse:
        """The response to an unhandled exception: the status its class declares, or 500."""
        if isinstance(error, HTTPException):
            return self._raised_by_starlette(error, exchange, route)
        declared = problem.declared(error)
        if declared is None:
            self.failures.failed(error, exchange, route)
            return response.encode_error(HTTPError(500), None, exchange.request_id)
        if declared.status >= 500:
            self.failures.unavailable(error, declared.status, exchange, route)
        return response.encode_error(declared, exchange.builder, exchange.request_id)

    def _raised_by_starlette(
        self, error: HTTPException, exchange: Exchange, route: Route
    ) -> EncodedResponse:
        """The response to Starlette's own exception, which may be a redirect as well."""
        if error.status_code >= 400:
            return self._raised(problem.from_starlette(error), exchange, route)
        try:
            plain = Response(status_code=error.status_code, headers=error.headers)
            return response.encode_starlette(plain, exchange.builder, exchange.scope["method"])
        except Exception as fault:
            self.failures.failed(fault, exchange, route)
            return response.encode_error(HTTPError(500), None, exchange.request_id)


def _is_cut_off(error: BaseException) -> bool:
    """True if the server is being cut off and the client is gone. All else is the failure of a
    handler, SystemExit too, which must not end the server.
    """
    task = asyncio.current_task()
    return isinstance(error, GeneratorExit) or (task is not None and task.cancelling() > 0)


async def _send(send: Send, result: EncodedResponse) -> None:
    status, headers, body = result
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
