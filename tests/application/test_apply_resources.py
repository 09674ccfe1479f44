"""A changed resource is replaced, together with whatever may keep what it handed out."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from tests.support.blackbox import write_files
from tests.support.changing import changes, served
from tests.support.consuming import until
from tests.support.serving import Client, run

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: answer}
  - {name: answer, kind: function.python, source: file://r.py, method: answer, modules: [resource]}
  - {name: take, kind: function.python, source: file://r.py, method: take, modules: [resource]}
  - {name: driver, kind: queue.driver.memory}
  - {name: tasks, kind: queue.queue, driver: driver}
  - {name: worker, kind: queue.consumer, queue: tasks, func: take, lifecycle: {auto_start: true}}
  - name: settings
    kind: resource.python
    source: file://r.py
    method: settings
    modules: [resource]
    options: {greeting: hello}
  - {name: client, kind: resource.python, source: file://r.py, method: client, modules: [resource]}
  - {name: other, kind: resource.python, source: file://r.py, method: other, modules: [resource]}
"""
CODE = """
    from runtime.modules import resource

    def settings(greeting):
        return greeting

    async def client():
        yield resource.get("settings") + "!"

    def other():
        yield 1

    async def answer():
        return resource.get("client")

    async def take(body):
        resource.get("client")
"""


def test_it_is_replaced_together_with_those_that_keep_what_it_handed_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    write_files(tmp_path, {"r.py": CODE})

    async def main() -> None:
        async with served(tmp_path, MANIFEST) as site:
            assert (await site.client.get("/")).body == b"hello!"
            caplog.clear()
            await site.apply(MANIFEST.replace("greeting: hello", "greeting: bye"))

            assert (await site.client.get("/")).body == b"bye!"
            assert changes(caplog) == [
                "app:settings is running",
                "app:client is running",
                "app:client has stopped",
                "app:settings has stopped",
            ]

    run(main())


SLOW = """
    import asyncio
    from runtime.modules import resource

    entered, go, closed = asyncio.Event(), asyncio.Event(), []

    async def client(number):
        yield {"number": number, "closed": closed}
        closed.append(number)

    async def answer(request):
        held = resource.get("client")
        if "wait" in request.query_params:
            entered.set()
            await go.wait()
        return {"number": held["number"], "closed": [*closed]}

    async def let_go():
        await entered.wait()
        go.set()
"""
HELD = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: answer}
  - {name: answer, kind: function.python, source: file://r.py, method: answer, modules: [resource]}
  - {name: put, kind: http.endpoint, meta: {router: router}, method: PUT, path: /, func: let_go}
  - {name: let_go, kind: function.python, source: file://r.py, method: let_go}
  - name: client
    kind: resource.python
    source: file://r.py
    method: client
    options: {number: 1}
"""


def test_a_resource_is_closed_once_those_that_hold_it_have_ended(tmp_path: Path) -> None:
    write_files(tmp_path, {"r.py": SLOW})

    async def main() -> None:
        async with served(tmp_path, HELD) as site:
            site.client.send(b"GET /?wait HTTP/1.1\r\nHost: test\r\n\r\n")
            other = Client(
                *await asyncio.open_connection(*site.client.writer.get_extra_info("peername"))
            )
            await until(lambda: site.application.scope.holders.count > 0)
            applying = asyncio.create_task(site.apply(HELD.replace("number: 1", "number: 2")))
            while (await other.get("/")).json()["number"] == 1:
                pass
            assert not applying.done()
            assert (await other.get("/")).json() == {"number": 2, "closed": []}
            await other.get("/", method="PUT")
            assert (await site.client.answer()).json() == {"number": 1, "closed": []}
            await applying
            assert (await other.get("/")).json() == {"number": 2, "closed": [1]}
            await other.close()

    run(main())


def test_no_request_finds_a_resource_closed_while_it_is_replaced(tmp_path: Path) -> None:
    write_files(tmp_path, {"r.py": SLOW})

    async def main() -> None:
        async with served(tmp_path, HELD) as site:
            for number in range(2, 12):
                manifest = HELD.replace("number: 1", f"number: {number}")
                applying = asyncio.create_task(site.apply(manifest))
                while not applying.done():
                    assert (await site.client.get("/")).status == 200
                await applying
                assert (await site.client.get("/")).json()["number"] == number

    run(main())
