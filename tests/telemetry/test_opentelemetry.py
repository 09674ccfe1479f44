"""Spans that handlers ask of OpenTelemetry's API, in the traces of the runtime."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from runtime.testing import App, TracedSpan, running
from tests.testing.application import DATABASE, endpoint, write

HANDLERS = """
    from opentelemetry import propagate, trace
    from runtime.modules import queue, sql
    from runtime.modules.sync import queue as blocking_queue

    tracer = trace.get_tracer("shop")

    async def order():
        with tracer.start_as_current_span("price", attributes={"items": 3}) as span:
            span.add_event("looked up", {"rows": 1})
            await queue.publish("jobs", 1)
        with tracer.start_as_current_span("stock", kind=trace.SpanKind.CLIENT):
            pass

    def blocking():
        with tracer.start_as_current_span("price"):
            blocking_queue.publish("jobs", 1)

    async def broken():
        with tracer.start_as_current_span("price"):
            raise KeyError("bread")

    @tracer.start_as_current_span("decorated")
    async def decorated():
        return trace.format_span_id(trace.get_current_span().get_span_context().span_id)

    async def calling():
        headers = {}
        trace.get_current_span().set_attribute("shop.user", "ann")
        propagate.inject(headers)
        return headers

    async def stored():
        async with sql.get("db").transaction() as transaction:
            with tracer.start_as_current_span("price"):
                await transaction.execute("CREATE TABLE t (n)")

    async def odd():
        span = tracer.start_span("first")
        span.set_attributes({"object": object(), "mixed": [1, {}], "list": ["a"], "many": 1})
        span.update_name("second")
        span.record_exception(ValueError("tried again"))
        span.end(end_time=trace_start(span) + 5_000_000_000)
        span.end()

    def trace_start(span):
        return span.span.started

    async def work(body):
        pass
"""
NAMES = ("order", "blocking", "broken", "decorated", "calling", "stored", "odd")


@pytest.fixture
def app(tmp_path: Path) -> App:
    endpoints = (endpoint(name) for name in NAMES)
    with running(write(tmp_path, HANDLERS, *endpoints, DATABASE)) as app:
        yield app


def titled(app: App, *titles: str) -> list[TracedSpan]:
    """The only span of each title."""
    spans = {span.title: span for span in app.spans()}
    return [spans[title] for title in titles]


@pytest.mark.parametrize("name", ["order", "blocking"])
def test_spans_are_below_the_handler_and_above_what_it_does_in_them(app: App, name: str) -> None:
    assert app.post(f"/{name}").status == 204
    app.drain()

    request, call, price, send = titled(app, f"POST /{name}", name, "price", "send app:jobs")
    assert [call.parent_id, price.parent_id] == [request.span_id, call.span_id]
    assert send.parent_id == price.span_id
    assert {each.trace_id for each in (request, call, price, send)} == {request.trace_id}
    assert (price.name, price.entry) == ("otel.internal", f"app:{name}")


def test_a_span_has_its_attributes_and_its_kind(app: App) -> None:
    app.post("/order")

    call, price, stock = titled(app, "order", "price", "stock")
    assert price.attributes == {"items": 3}
    assert (stock.name, stock.parent_id) == ("otel.client", call.span_id)


def test_an_exception_that_leaves_a_span_is_its_error(app: App) -> None:
    assert app.post("/broken").status == 500

    (price,) = titled(app, "price")
    assert (price.failed, price.error) == (True, "KeyError")


def test_a_decorated_handler_is_within_its_span(app: App) -> None:
    id = app.post("/decorated").text

    (decorated,) = titled(app, "decorated")
    assert decorated.span_id == id


def test_the_current_span_is_that_of_the_handler(app: App) -> None:
    headers = app.post("/calling").json()

    (call,) = titled(app, "calling")
    assert headers["traceparent"][:-3] == f"00-{call.trace_id}-{call.span_id}"
    assert call.attributes["shop.user"] == "ann"


def test_a_span_within_a_transaction_is_below_it(app: App) -> None:
    assert app.post("/stored").status == 204

    (price,) = titled(app, "price")
    (transaction,) = [each for each in app.spans() if each.span_id == price.parent_id]
    (create,) = titled(app, "CREATE")
    assert (transaction.name, create.parent_id) == ("sql.transaction", price.span_id)


def test_only_values_of_opentelemetry_are_attributes(app: App) -> None:
    assert app.post("/odd").status == 204

    (second,) = titled(app, "second")
    assert second.attributes == {"list": ["a"], "many": 1}
    assert not second.failed


def run_alone(folder: Path, handlers: str, test: str) -> None:
    """Run a test of an application in a program of its own: a provider is set once in each."""
    write(folder, handlers, endpoint("order"))
    code = f"from runtime.testing import running\nwith running({str(folder)!r}) as app:\n"
    code += "".join(f"    {line}\n" for line in dedent(test).strip().splitlines())
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_spans_of_another_provider_are_parents_and_children_of_ours(tmp_path: Path) -> None:
    handlers = """
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        from runtime.modules import queue

        exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        trace.set_tracer_provider(provider)
        tracer = trace.get_tracer("shop")

        async def order():
            with tracer.start_as_current_span("price"):
                await queue.publish("jobs", 1)
            (price,) = exporter.get_finished_spans()
            ids = price.context.trace_id, price.context.span_id, price.parent.span_id
            return [format(id, "x").zfill(16) for id in ids]

        async def work(body):
            pass
    """
    run_alone(
        tmp_path,
        handlers,
        """
        trace_id, span_id, parent_id = app.post("/order").json()
        spans = {span.title: span for span in app.spans()}
        call, send = spans["order"], spans["send app:jobs"]
        assert trace_id.zfill(32) == call.trace_id == send.trace_id
        assert (parent_id, span_id) == (call.span_id, send.parent_id)
        """,
    )


def test_nothing_of_opentelemetry_is_imported_unless_a_handler_does(tmp_path: Path) -> None:
    handlers = """
        async def order():
            pass

        async def work(body):
            pass
    """
    run_alone(
        tmp_path,
        handlers,
        """
        import sys
        assert app.post("/order").status == 204
        assert [name for name in sys.modules if name.startswith("opentelemetry")] == []
        """,
    )


def test_a_span_outside_of_requests_and_messages_begins_a_trace(tmp_path: Path) -> None:
    handlers = """
        from opentelemetry import trace

        async def order():
            pass

        async def work(body):
            pass
    """
    run_alone(
        tmp_path,
        handlers,
        """
        from opentelemetry import trace
        link = trace.Link(trace.SpanContext(1, 2, is_remote=True))
        with trace.get_tracer("shop").start_as_current_span("refresh", links=[link]) as above:
            above.set_status(trace.StatusCode.ERROR, "stale")
            with trace.get_tracer("shop").start_as_current_span("part"):
                pass
        refresh, part = app.spans()
        assert (refresh.title, refresh.parent_id) == ("refresh", None)
        assert (refresh.failed, refresh.error) == (True, "StatusError")
        assert (part.title, part.parent_id) == ("part", refresh.span_id)
        """,
    )
