"""Log lines of handlers: each names its entry and the request, message or run it belongs to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.blackbox import FREE_PORT, Site, running, write_files
from tests.support.program import Line

MANIFEST = """
    namespace: app
    entries:
      - {name: gateway, kind: http.service, addr: ":0", lifecycle: {auto_start: true}}
      - {name: router, kind: http.router, meta: {server: gateway}}
      - {name: driver, kind: queue.driver.memory}
      - {name: host, kind: process.host}
"""
ENTRIES = """
      - name: KIND.request
        kind: function.python
        source: file://KIND.py
        method: request
        modules: [http, logger, queue]
      - name: KIND.endpoint
        kind: http.endpoint
        meta: {router: router}
        method: POST
        path: /KIND
        func: KIND.request
      - {name: KIND.queue, kind: queue.queue, driver: driver}
      - name: KIND.message
        kind: function.python
        source: file://KIND.py
        method: message
        modules: [http, logger, queue]
      - name: KIND.consumer
        kind: queue.consumer
        queue: KIND.queue
        func: KIND.message
        lifecycle: {auto_start: true}
      - name: KIND.process
        kind: process.python
        source: file://KIND.py
        method: process
        modules: [http, logger, queue]
      - name: KIND.service
        kind: process.service
        process: KIND.process
        host: host
        lifecycle: {auto_start: true, restart: {initial_delay: 1ms, jitter: 0}}
"""

ASYNC = """
    import asyncio
    import logging
    from runtime.modules import http, logger, queue

    log = logging.getLogger(__name__)
    runs = []

    def say(what):
        logger.info(f"async {what} by logger", n=1)
        log.warning("async %s by %s", what, "logging", extra={"n": 1})

    async def request(request):
        say("request")
        return await queue.publish("async.queue", "hello")

    async def message(body):
        say("message")

    async def process():
        say("process")
        runs.append(1)
        if len(runs) < 3:
            raise RuntimeError("again")
        await asyncio.Event().wait()
"""
PLAIN = (
    ASYNC.replace("modules import", "modules.sync import")
    .replace('"async', '"def')
    .replace("async def", "def")
    .replace("await asyncio.Event().wait()", "threading.Event().wait()")
    .replace("await ", "")
    .replace("import asyncio", "import threading")
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    manifest = MANIFEST + "".join(ENTRIES.replace("KIND", kind) for kind in ("async", "def"))
    files = {"_index.yaml": manifest, "async.py": ASYNC, "def.py": PLAIN}
    with running(write_files(tmp_path_factory.mktemp("logging"), files), FREE_PORT) as site:
        yield site


kinds = pytest.mark.parametrize("kind", ["async", "def"])
ways = pytest.mark.parametrize("way", ["logger", "logging"])


def told(line: Line, id: str) -> tuple[str, dict[str, int], object]:
    return line["entry"], line["fields"], line.get(id)


@kinds
@ways
def test_of_a_request(site: Site, kind: str, way: str) -> None:
    id = f"{kind}-{way}"
    site.ask("POST", f"/{kind}", "1", {"X-Request-ID": id})
    line = site.program.wait_for(
        lambda line: line.get("request_id") == id and line["message"] == f"{kind} request by {way}"
    )

    assert told(line, "request_id") == (f"app:{kind}.request", {"n": 1}, id)
    assert "message_id" not in line


@kinds
@ways
def test_of_a_message(site: Site, kind: str, way: str) -> None:
    id = site.ask("POST", f"/{kind}", "1").body.decode()
    line = site.program.wait_for(
        lambda line: line.get("message_id") == id and line["message"] == f"{kind} message by {way}"
    )

    assert told(line, "message_id") == (f"app:{kind}.message", {"n": 1}, id)
    assert "request_id" not in line


@kinds
@ways
def test_of_a_process(site: Site, kind: str, way: str) -> None:
    words = f"{kind} process by {way}"
    site.program.wait_for(lambda line: line["message"] == words and line.get("run") == 3)
    lines = [line for line in site.program.log if line["message"] == words]

    assert [told(line, "run") for line in lines] == [
        (f"app:{kind}.process", {"n": 1}, number) for number in (1, 2, 3)
    ]
