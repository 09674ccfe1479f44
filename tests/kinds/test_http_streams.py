"""The modules `http` of both worlds: streams that learn of the stop, and forms."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import StreamingResponse

from runtime.modules import http
from runtime.modules.sync import http as blocking_http
from tests.support.serving import head, run, running
from tests.support.site import SCOPE, Site


def test_streams_and_long_polls_of_both_worlds_learn_of_the_stop() -> None:
    site = Site()
    api = site.router()
    polling = asyncio.Event()

    async def stream() -> Any:
        async def parts() -> Any:
            yield "data: 1\n\n"
            await http.stopping()
            yield "data: bye\n\n"

        return StreamingResponse(parts(), media_type="text/event-stream")

    def blocking_stream() -> Any:
        def parts() -> Any:
            yield "data: 1\n\n"
            while not blocking_http.stopping(timeout=0.01):
                yield ": nothing\n\n"
            yield "data: bye\n\n"

        return StreamingResponse(parts(), media_type="text/event-stream")

    async def poll() -> Any:
        polling.set()
        await http.stopping()
        return {"again": True}

    site.endpoint(api, "GET", "/stream", stream)
    site.endpoint(api, "GET", "/blocking", blocking_stream)
    site.endpoint(api, "GET", "/poll", poll)

    async def main() -> list[bytes]:
        SCOPE.loop = asyncio.get_running_loop()
        async with running(site.compose()) as serving:
            clients = [await serving.connect() for _ in range(3)]
            for client, path in zip(clients, ("/stream", "/blocking", "/poll"), strict=True):
                client.send(head("GET", path))
            for client in clients[:2]:
                await client.reader.readuntil(b"data: 1\n\n")
            await polling.wait()
            await serving.stop()
            rest = [await client.ended() for client in clients]
            for client in clients:
                await client.close()
            return rest

    stream_, blocking, polled = run(main())

    for events in (stream_, blocking):
        assert b"data: bye\n\n" in events
        assert events.endswith(b"0\r\n\r\n")
    assert polled.endswith(b'{"again":true}')


def test_forms_are_read_in_both_worlds() -> None:
    site = Site()
    api = site.router()

    async def upload() -> Any:
        form = await http.request().form()
        return {"a": form["a"]}

    def blocking_upload(request: blocking_http.Request) -> Any:
        return {"a": request.form()["a"]}

    site.endpoint(api, "POST", "/upload", upload)
    site.endpoint(api, "POST", "/blocking", blocking_upload, argument=True)

    async def main() -> list[Any]:
        form = "Content-Type: application/x-www-form-urlencoded"
        async with running(site.compose()) as serving:
            return [
                (await serving.get(path, form, method="POST", body=b"a=1")).json()
                for path in ("/upload", "/blocking")
            ]

    assert run(main()) == [{"a": "1"}, {"a": "1"}]
