"""Each request is a span, if somebody listens."""

from __future__ import annotations

from typing import Any

from starlette.responses import PlainTextResponse, Response

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.routes import Group
from runtime.telemetry import Span, Telemetry, current_span
from tests.support.listening import Recorder
from tests.support.serving import Answer, route, run, served

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


async def echo(exchange: Exchange) -> Any:
    span = current_span()
    assert span is not None
    return {"span": span.span_id, "body": (await exchange.request.body()).decode()}


async def stream(exchange: Exchange) -> Response:
    return PlainTextResponse("hello", 203)


async def refuse(exchange: Exchange) -> None:
    raise HTTPError(409)


async def fail(exchange: Exchange) -> None:
    raise ValueError


def asked(method: str, path: str, *headers: str, body: bytes = b"") -> tuple[Span, Answer]:
    """The span of one request, and the answer to it."""
    recorder = Recorder()
    group = Group(prefix="/in", middleware={"closing": closing})

    async def main() -> Answer:
        routes = [
            route("POST", "/tasks/{id}", echo),
            route("GET", "/stream", stream),
            route("GET", "/refuse", refuse),
            route("GET", "/fail", fail),
            route("GET", "/in/side", stream, group=group),
        ]
        async with served(routes, groups=[group], telemetry=Telemetry(recorder)) as server:
            return await server.get(path, *headers, method=method, body=body)

    answer: Answer = run(main())
    (span,) = recorder.ended
    assert recorder.started == [span]
    return span, answer


def closing(app: Any) -> Any:
    """A middleware that lets nobody in."""
    return Response(status_code=401)


def test_a_request_is_a_span_around_its_handler() -> None:
    span, answer = asked("POST", "/tasks/7", body=b"text")

    assert (span.name, span.entry, span.parent_id) == ("http.request", "app:handler", None)
    assert answer.json() == {"span": span.span_id, "body": "text"}
    assert span.tracepoint.title == "POST /tasks/{id}"
    assert span.attributes == {
        "runtime.request.id": answer.names["x-request-id"],
        "http.request.method": "POST",
        "http.route": "/tasks/{id}",
        "http.response.status_code": 200,
    }
    assert span.duration is not None


def test_the_client_s_span_is_its_parent() -> None:
    span, _ = asked("POST", "/tasks/7", f"traceparent: 00-{TRACE}-{PARENT}-01")

    assert (span.trace_id, span.parent_id) == (TRACE, PARENT)


def test_a_malformed_parent_begins_a_trace_of_its_own() -> None:
    span, _ = asked("POST", "/tasks/7", "traceparent: 00-zz\xe9-1-01")

    assert span.parent_id is None
    assert span.trace_id != TRACE


def test_a_span_has_the_status_whatever_answers() -> None:
    statuses = [
        asked(*request)[0].attributes["http.response.status_code"]
        for request in [
            ("GET", "/stream"),
            ("GET", "/refuse"),
            ("GET", "/fail"),
            ("GET", "/nowhere"),
            ("DELETE", "/stream"),
            ("GET", "/in/side"),
        ]
    ]

    assert statuses == [203, 409, 500, 404, 405, 401]


def test_a_span_has_no_route_where_there_is_none() -> None:
    span, _ = asked("GET", "/nowhere")

    assert (span.entry, "http.route" in span.attributes) == ("", False)


def test_without_a_listener_there_is_no_span() -> None:
    async def show(exchange: Exchange) -> str:
        return str(current_span())

    async def main() -> bytes:
        async with served([route("GET", "/x", show)]) as server:
            return (await server.get("/x")).body

    assert run(main()) == b"None"
