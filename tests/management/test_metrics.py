"""What an application did, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from tests.support.blackbox import Site, eventually, execute
from tests.support.managing import Managed, managed, samples
from tests.support.program import write_application

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: one, kind: http.endpoint, method: GET, path: "/tasks/{id}", func: file://h.py#one}
  - {name: fail, kind: http.endpoint, method: GET, path: /fail, func: file://h.py#fail}
  - {name: put, kind: http.endpoint, method: POST, path: /tasks, func: file://h.py#put}
  - {name: memory, kind: queue.driver.memory, lifecycle: {auto_start: true}}
  - name: tasks
    kind: queue.queue
    driver_options: {memory: {max_length: 3}}
    retry: {initial_delay: 1ms, jitter: 0}
    dead_letter: {max_attempts: 2}
  - {name: idle, kind: queue.queue, driver_options: {memory: {max_length: 3}}}
  - name: worker
    kind: queue.consumer
    queue: tasks
    func: file://h.py#work
    lifecycle: {auto_start: true}
"""
HANDLERS = """
from runtime.modules import http, queue

async def one():
    return "a task"

async def fail():
    raise RuntimeError("on purpose")

async def put():
    body = await http.request().json()
    await queue.publish(body["to"], body["what"])
    http.response().set_status(202)

async def work(what):
    if what == "fail":
        raise RuntimeError("on purpose")
    if what == "reject":
        raise queue.Reject("no")
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Managed]:
    folder = write_application(tmp_path / "shop", MANIFEST, **{"h.py": HANDLERS})
    with managed(folder) as site:
        yield site


def wait_for(site: Managed, name: str, labels: str, value: float) -> None:
    assert eventually(lambda: samples(site).get((name, labels), 0) >= value)
    assert samples(site)[name, labels] == value


def put(site: Managed, what: str, to: str = "app:tasks") -> int:
    return Site(site.program).ask("POST", "/tasks", {"what": what, "to": to}).status


def test_requests_are_counted_by_route_and_status(site: Managed) -> None:
    web = Site(site.program)
    for path in ("/tasks/1", "/tasks/2", "/fail", "/nothing", "/nothing/else"):
        web.ask("GET", path)

    name = "runtime_http_requests_total"
    wait_for(site, name, "method=GET,route=/tasks/{id},server=app:gateway,status=200", 2)
    wait_for(site, name, "method=GET,route=/fail,server=app:gateway,status=500", 1)
    wait_for(site, name, "route=unmatched,server=app:gateway,status=404", 2)
    duration = "runtime_http_request_duration_seconds"
    labels = "method=GET,route=/tasks/{id},server=app:gateway"
    found = samples(site)
    assert found[f"{duration}_count", labels] == 2
    assert 0 < found[f"{duration}_sum", labels] < 20
    inf = "le=+Inf,method=GET,route=/tasks/{id},server=app:gateway"
    assert found[f"{duration}_bucket", inf] == 2
    assert len([key for key in found if key[0] == f"{duration}_bucket" and "fail" in key[1]]) == 14


def test_messages_are_counted_by_their_outcome(site: Managed) -> None:
    assert {put(site, what) for what in ("do", "do", "fail", "reject")} == {202}

    name, labels = "runtime_messages_total", "consumer=app:worker,outcome={},queue=app:tasks"
    for outcome, number in {"ack": 2, "retry": 1, "attempts": 1, "rejected": 1}.items():
        wait_for(site, name, labels.format(outcome), number)
    found = samples(site)
    assert found["runtime_queue_published_total", "queue=app:tasks"] == 4
    handler = "runtime_handler_duration_seconds_count"
    assert found[handler, "caller=queue,entry=app:worker"] == 5
    assert found["runtime_message_wait_seconds_count", "queue=app:tasks"] == 4


def test_what_a_full_queue_refuses_is_counted(site: Managed) -> None:
    statuses = [put(site, "stay", "app:idle") for _ in range(5)]

    assert statuses == [202, 202, 202, 503, 503]
    wait_for(site, "runtime_queue_refused_total", "queue=app:idle,reason=full", 2)
    wait_for(site, "runtime_queue_published_total", "queue=app:idle", 3)
    wait_for(site, "runtime_queue_messages", "queue=app:idle,state=ready", 3)


def test_status_metrics_and_command_say_the_same(site: Managed) -> None:
    for _ in range(2):
        put(site, "stay", "app:idle")
    wait_for(site, "runtime_queue_messages", "queue=app:idle,state=ready", 2)

    queue = next(each for each in site.status["queues"] if each["id"] == "app:idle")
    shown = execute("status", str(site.folder)).out
    row = next(line for line in shown.splitlines() if line.startswith("app:idle"))
    assert queue["ready"] == 2
    assert row.split()[1] == "2"


def test_endpoints_tell_their_rate_and_failures(site: Managed) -> None:
    web = Site(site.program)
    for path in ("/tasks/1", "/fail", "/fail"):
        web.ask("GET", path)
    wait_for(
        site,
        "runtime_http_requests_total",
        "method=GET,route=/fail,server=app:gateway,status=500",
        2,
    )

    endpoints = {each["route"]: each for each in site.status["endpoints"]}
    assert endpoints["GET /fail"]["failed_15m"] == 2
    assert endpoints["GET /tasks/{id}"]["failed_15m"] == 0
    assert endpoints["GET /tasks/{id}"]["p95"] is not None  # of the first one, too


def test_gauges_tell_services_threads_and_the_process(site: Managed) -> None:
    found = samples(site)

    assert found["runtime_service_up", "service=app:worker"] == 1
    assert found["runtime_service_restarts_total", "service=app:worker"] == 0
    assert found["runtime_consumer_busy", "consumer=app:worker"] == 0
    assert found["runtime_threads_busy", ""] == 0
    assert found["process_resident_memory_bytes", ""] > 1e6
    assert found["process_open_fds", ""] > 3
    assert found["process_start_time_seconds", ""] > 1.6e9
    assert eventually(lambda: samples(site)["runtime_loop_lag_seconds_count", ""] >= 4)


def test_both_formats_are_read_by_a_strict_parser(site: Managed) -> None:
    Site(site.program).ask("GET", "/tasks/1")
    put(site, "do")
    accept = "application/openmetrics-text; version=1.0.0"
    wait_for(site, "runtime_queue_published_total", "queue=app:tasks", 1)

    plain = site.get("/metrics")
    strict = site.get("/metrics", Accept=accept)
    names = {family.name for family in parse(plain.body.decode())}
    strict_names = {family.name for family in parse_openmetrics(strict.body.decode())}
    assert plain.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert strict.headers["Content-Type"].startswith("application/openmetrics-text")
    assert strict.body.endswith(b"# EOF\n")
    assert names == strict_names
