"""A changed resource is replaced, together with whatever may keep what it handed out."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.support.blackbox import write_files
from tests.support.changing import changes, served
from tests.support.serving import run

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
                "app:worker has stopped",
                "app:client has stopped",
                "app:settings has stopped",
                "app:settings is running",
                "app:client is running",
                "app:worker is running",
            ]

    run(main())
