"""Event streams and WebSockets, which last for as long as their clients like."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
from websockets.sync.client import connect

from tests.management.test_metrics import samples, wait_for
from tests.support.blackbox import SOON, Site
from tests.support.managing import Managed, managed
from tests.support.program import write_application

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: ticks, kind: http.endpoint, method: GET, path: /it, func: file://h.py#ticks, answer: sse}
  - {name: talk, kind: http.websocket, path: /talk, func: file://h.py#talk}
"""
HANDLERS = """
import asyncio
from runtime.modules import http

async def ticks():
    yield 1
    await asyncio.Event().wait()

async def talk(socket: http.WebSocket) -> None:
    await socket.send("hello")
    async for _ in socket:
        pass
"""
SAMPLED = {"OTEL_TRACES_SAMPLER": "always_on"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Managed]:
    folder = write_application(tmp_path / "shop", MANIFEST, **{"h.py": HANDLERS})
    with managed(folder, env=SAMPLED) as site:
        yield site


@contextmanager
def an_event_stream(port: int) -> Iterator[None]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SOON)
    connection.request("GET", "/it")
    response = connection.getresponse()
    assert response.readline() == b"data: 1\n"
    yield
    response.close()
    connection.close()


@contextmanager
def a_websocket(port: int) -> Iterator[None]:
    with connect(f"ws://127.0.0.1:{port}/talk") as socket:
        assert socket.recv() == "hello"
        yield


@pytest.mark.parametrize(("opened", "path"), [(an_event_stream, "/it"), (a_websocket, "/talk")])
def test_a_stream_is_counted_while_it_is_open_and_timed_until_its_head(
    site: Managed, opened: Callable[[int], Iterator[None]], path: str
) -> None:
    asked = monotonic()
    with opened(Site(site.program).port):  # type: ignore[attr-defined]
        until_head = monotonic() - asked
        wait_for(site, "runtime_http_streams", "server=app:gateway", 1)

    method = "WEBSOCKET" if path == "/talk" else "GET"
    labels = f"method={method},route={path},server=app:gateway"
    wait_for(site, "runtime_http_request_duration_seconds_count", labels, 1)
    found = samples(site)
    assert found["runtime_http_request_duration_seconds_sum", labels] <= until_head
    assert found["runtime_http_streams", "server=app:gateway"] == 0
    entry = {"/it": "app:ticks", "/talk": "app:talk"}[path]
    (trace,) = site.socket.get(f"/api/traces?entry={entry}").json["traces"]
    assert trace["duration"] <= until_head
