"""Traces are sent to a collector: real requests, to a server of the test's own."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.engines.management.traces import exporter as module
from runtime.engines.management.traces.exporter import Exporter
from runtime.engines.management.traces.otlp import encode
from runtime.engines.management.traces.settings import Export
from runtime.engines.management.traces.traces import Traces
from runtime.telemetry import Parent
from tests.support.blackbox import Site, eventually
from tests.support.collector import Collector, collecting, parsed_by_protocol
from tests.support.managing import managed, samples
from tests.support.program import running, write_application
from tests.support.traced import attempt, raised, request, telemetry_of


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@contextmanager
def exporting(traces: Traces, url: str) -> Iterator[Exporter]:
    exporter = Exporter(traces, Export(f"{url}/v1/traces", {"x-key": "k"}, {"service.name": "s"}))
    exporter.start()
    try:
        yield exporter
    finally:
        exporter.stop()


def test_the_json_is_that_of_the_published_protocol() -> None:
    traces = Traces()
    telemetry = telemetry_of(traces)
    root, send = request(telemetry)
    attempt(telemetry, 1, parent=Parent(root.id, send.span_id), error=raised(ValueError("no")))
    retry = attempt(telemetry, 2)
    retry.links = (Parent(root.id, send.span_id),)
    document = json.loads(encode(reversed(traces.newest()), {"service.name": "shop"}))

    parsed = parsed_by_protocol(document)
    (resource,) = parsed.resource_spans
    spans = resource.scope_spans[0].spans
    assert resource.resource.attributes[0].value.string_value == "shop"
    assert [(span.name, span.kind) for span in spans[:3]] == [
        ("POST /tasks", 2),
        ("send app:tasks", 4),
        ("create", 1),
    ]
    process = spans[3]
    assert (process.trace_id.hex(), process.parent_span_id.hex()) == (root.id, send.span_id)
    assert [span.status.code for span in spans] == [0, 0, 0, 2, 0, 2, 0, 0, 0]
    assert {span.kind for span in spans if span.name == "INSERT tasks"} == {3}
    assert spans[-3].links[0].span_id.hex() == send.span_id
    assert [event.name for event in spans[5].events] == ["log", "exception"]
    assert all(s.end_time_unix_nano >= s.start_time_unix_nano > 10**18 for s in spans)


def test_what_is_kept_is_sent(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INTERVAL", 0.01)
    traces = Traces()
    with exporting(traces, collector.url):
        request(telemetry_of(traces))
        eventually(lambda: len(collector.spans) == 3)

    assert collector.headers[0]["x-key"] == "k"
    assert collector.headers[0]["path"] == "/v1/traces"
    assert collector.headers[0]["Content-Type"] == "application/json"


def test_a_full_batch_does_not_wait(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 6)
    traces = Traces()
    with exporting(traces, collector.url):
        for _ in range(4):
            request(telemetry_of(traces))
        traces.fold()
        eventually(lambda: len(collector.spans) == 12)

    assert len(collector.bodies) == 2


def test_a_stop_sends_what_is_left(collector: Collector) -> None:
    traces = Traces()
    with exporting(traces, collector.url) as exporter:
        request(telemetry_of(traces))

    assert (len(collector.spans), exporter.sent) == (3, 3)


def test_a_collector_that_is_away_costs_memory_in_bounds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 7)
    monkeypatch.setattr(module, "INTERVAL", 0.01)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.01)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        traces = Traces()
        with exporting(traces, f"http://127.0.0.1:{nobody.getsockname()[1]}") as exporter:
            for _ in range(5):
                request(telemetry_of(traces))
            eventually(lambda: exporter.dropped == 9)
            eventually(lambda: exporter._failures > 2)

    assert exporter.sent == 0
    told = [record.getMessage() for record in caplog.records]
    assert len([text for text in told if "not taken by the collector" in text]) == 1
    assert "traces: 15 spans were not sent to the collector" in told


def test_a_collector_that_comes_back_gets_what_waited(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERVAL", 0.01)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.01)
    collector.status = 503
    traces = Traces()
    with exporting(traces, collector.url) as exporter:
        request(telemetry_of(traces))
        eventually(lambda: len(collector.headers) > 2)
        collector.status = 200
        eventually(lambda: exporter.sent == 3)

    assert exporter.dropped == 0


def test_what_a_collector_refuses_is_dropped(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERVAL", 0.01)
    collector.status = 400
    traces = Traces()
    with exporting(traces, collector.url) as exporter:
        request(telemetry_of(traces))
        eventually(lambda: exporter.dropped == 3)

    assert len(collector.headers) == 1


def test_a_collector_that_never_answers_keeps_no_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP", 0.05)
    monkeypatch.setattr(module, "INTERVAL", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        traces = Traces()
        with exporting(traces, f"http://127.0.0.1:{silent.getsockname()[1]}") as exporter:
            request(telemetry_of(traces))
            connection, _ = silent.accept()
        with connection:
            assert exporter._thread.is_alive()  # and nobody has waited for it
            assert exporter._thread.daemon


def test_a_program_sends_its_traces_and_ends_without_management(
    collector: Collector, tmp_path: Path
) -> None:
    manifest = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /x, func: f}
  - {name: f, kind: function.python, source: file://h.py, method: f, modules: []}
"""
    folder = write_application(tmp_path / "shop", manifest, **{"h.py": "def f():\n    return {}\n"})
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-key=s3cret-key",
        "OTEL_TRACES_SAMPLER": "always_on",
    }
    with running(folder, env=variables) as program:
        import urllib.request

        urllib.request.urlopen(program.url("/x")).close()
        assert program.stop() == 0
        assert "s3cret-key" not in program.stderr

    assert {span["name"] for span in collector.spans} >= {"GET /x", "f"}
    assert collector.headers[0]["x-key"] == "s3cret-key"


def test_spans_that_a_program_sends_are_counted(tmp_path: Path, collector: Collector) -> None:
    manifest = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
"""
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_TRACES_SAMPLER": "always_on",
    }
    with managed(write_application(tmp_path / "shop", manifest), env=variables) as site:
        Site(site.program).ask("GET", "/nothing")
        counted = "runtime_spans_exported_total", "result=sent"
        assert eventually(lambda: samples(site).get(counted) == len(collector.spans) > 0)
