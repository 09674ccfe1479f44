"""telemetry.otlp: traces of real programs, at a collector that the manifest names."""

from __future__ import annotations

import signal
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.engines.management.traces.settings import SLOW
from runtime.registry import Registry
from tests.support.blackbox import eventually
from tests.support.collector import Collector, collecting, parsed_by_protocol
from tests.support.program import Program, running, write_application
from tests.support.sample_manifest import findings, settle

ENTRIES = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router}
  - {name: get, kind: http.endpoint, method: GET, path: /x, func: file://h.py#f}
"""
HANDLER = "def f():\n    return {}\n"
SAMPLED = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


def entry(endpoint: str, more: str = "", name: str = "tele") -> str:
    return f'  - {{name: {name}, kind: telemetry.otlp, endpoint: "{endpoint}"{more}}}\n'


def application(folder: Path, *entries: str) -> Path:
    return write_application(folder / "shop", "".join((ENTRIES, *entries)), **{"h.py": HANDLER})


def get(program: Program, **headers: str) -> None:
    urllib.request.urlopen(urllib.request.Request(program.url("/x"), headers=headers)).close()


def resources(collector: Collector) -> set[str]:
    """The names of all services that have sent something."""
    found = set()
    for body in collector.bodies:
        for resource in parsed_by_protocol(body).resource_spans:
            named = {each.key: each.value.string_value for each in resource.resource.attributes}
            found.add(named["service.name"])
    return found


def test_traces_are_sent_as_the_entry_says(collector: Collector, tmp_path: Path) -> None:
    more = ', headers: {x-key: "${secret:KEY}"}, sample: 1, service_name: till'
    variables = {"KEY": "s3cret-key", "OTEL_SERVICE_NAME": "other"}
    folder = application(tmp_path, entry(collector.url, more))
    with running(folder, env=variables) as program:
        get(program)
        assert program.stop() == 0
        assert "s3cret-key" not in program.stderr

    assert {span["name"] for span in collector.spans} == {"GET /x", "get"}
    assert collector.headers[0]["x-key"] == "s3cret-key"
    assert resources(collector) == {"till"}


def test_an_entry_without_an_endpoint_leaves_it_to_the_variables(
    collector: Collector, tmp_path: Path
) -> None:
    folder = application(tmp_path, entry("${env:COLLECTOR|}", ", sample: 1"))
    with running(folder, env={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}) as program:
        get(program)
        assert program.stop() == 0

    assert resources(collector) == {"shop"}


def test_a_reload_changes_the_collector_and_the_share(collector: Collector, tmp_path: Path) -> None:
    with collecting() as before:
        folder = application(tmp_path, entry(before.url, ", sample: 1"))
        with running(folder) as program:
            get(program)
            application(tmp_path, entry(collector.url, ", sample: 0"))
            program.signal(signal.SIGHUP)
            program.wait_for("reloaded in")
            get(program)
            get(program, **SAMPLED)
            assert program.stop() == 0
            eventually(lambda: len(before.spans) == 2)

    assert {span["traceId"] for span in collector.spans} == {"a" * 32}


def test_a_collector_that_is_away_holds_up_neither_requests_nor_the_stop(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        # It takes connections, and answers nothing.
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with running(application(tmp_path, entry(url, ", sample: 1"))) as program:
            for _ in range(20):
                get(program)
            assert program.stop() == 0
            told = [line["message"] for line in program.log]

    lost = [text for text in told if "were not sent to the collector" in text]
    assert lost == ["traces: 40 spans were not sent to the collector"]


@pytest.mark.parametrize(
    ("fields", "finding"),
    [
        ({"endpoint": "collector:4317"}, "'endpoint' is no URL of a collector that takes OTLP"),
        ({"endpoint": "http://me:key@c"}, "'endpoint' has a user or a password; send it as"),
        ({"headers": {"x key": "k"}}, "'x key' is no name of a header"),
        ({"headers": {"x-key": "a\nb"}}, "the value of 'x-key' cannot be sent in a header"),
        ({"sample": 2}, "'sample' is 2"),
        ({"slow": 1}, "'slow' is 1, not a duration"),
    ],
)
def test_what_cannot_be_right_is_a_finding(
    tmp_path: Path, fields: dict[str, object], finding: str
) -> None:
    declared = {"kind": "telemetry.otlp", "endpoint": "http://c:4318", **fields}
    (found,) = findings(settle(tmp_path), declared, {})

    assert finding in found


def test_an_application_has_one_collector(tmp_path: Path) -> None:
    two = application(tmp_path, entry("http://a:4318"), entry("http://b:4318", name="second"))
    with pytest.raises(AssertionError, match="the collector of the application is taken"):
        running(two).__enter__()


def test_the_default_of_the_schema_is_that_without_an_entry() -> None:
    field = Registry().schema("telemetry.otlp").field

    assert field.fill({}, str)["slow"] == SLOW
