"""An application of endpoints that stream, and clients that listen to them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import FakeClock
from tests.support.consuming import until
from tests.support.hosting import GATEWAY, Hosted, hosted
from tests.support.serving import SOON, Client, head, run

NAMES = """
    events late wide breaks leaves fails ends cleans quiet resumes polite given retries nothing bad
"""
MANIFEST = (
    GATEWAY
    + """
  - name: router
    kind: http.router
    middleware: [compress]
    options: {compress.min.length: 1}
"""
    + "".join(
        f"  - {{name: {name}, kind: http.endpoint, method: {method}, path: /{name}, "
        f"func: 'file://feeds.py#{function}', {answer}}}\n"
        for method, name, function, answer in (
            ("GET", "slow", "quiet", "answer: sse, timeout: 5s"),
            ("GET", "rows", "rows", "answer: lines"),
            ("GET", "lines", "cleans", "answer: lines"),
            ("POST", "post", "echo", "answer: sse"),
            *(("GET", name, name, "answer: sse") for name in NAMES.split()),
        )
    )
)
FEEDS = """
import asyncio
from typing import Annotated

from runtime.modules import http, logger


async def events():
    yield {"n": 1}
    yield "text"
    yield http.Event([1, None], event="rows", id="7", retry=500)
    yield http.Event(b"<p>\\nraw</p>")
    yield http.Event(id="8")


async def late():
    raise http.Error(409, "not now")
    yield


async def wide(limit: int):
    yield limit


async def breaks():
    yield 1
    raise LookupError("no more")


async def leaves():
    yield 1
    raise SystemExit(3)


async def fails():
    yield object()


async def bad():
    yield http.Event(1, id="a\\nb")


async def ends():
    yield 1


async def nothing():
    http.response().set_status(204)
    return
    yield


async def cleans():
    try:
        yield 1
        await asyncio.Event().wait()
    finally:
        logger.info("closed")


async def quiet():
    logger.info("opened")
    try:
        await asyncio.Event().wait()
        yield 1
    finally:
        logger.info("closed")


async def resumes(last_event_id: Annotated[str | None, http.Header] = None):
    yield last_event_id


async def polite():
    yield 1
    await http.stopping()
    yield "bye"


async def given(request):
    yield request.query_params["a"]


async def retries():
    yield http.Event(retry=9)
    await asyncio.Event().wait()


async def rows():
    for n in range(3):
        yield {"n": n}


async def echo(request):
    yield await request.json()
"""


def on_site(
    folder: Path,
    test: Callable[[Hosted], Coroutine[Any, Any, None]],
    clock: FakeClock | None = None,
) -> None:
    async def main() -> None:
        options = {} if clock is None else {"clock": clock.clock}
        async with hosted(folder, MANIFEST, {"feeds.py": FEEDS}, **options) as site:
            await test(site)

    run(main())


@contextlib.asynccontextmanager
async def opened(site: Hosted, path: str) -> AsyncIterator[Client]:
    client = await site.connect()
    client.send(head("GET", path))
    try:
        yield client
    finally:
        await client.close()


async def read(client: Client, end: bytes) -> bytes:
    async with asyncio.timeout(SOON):
        return await client.reader.readuntil(end)


async def due(clock: FakeClock, seconds: float) -> None:
    await until(lambda: clock.next_due == seconds)


async def logged(caplog: pytest.LogCaptureFixture, text: str) -> logging.LogRecord:
    def found() -> list[logging.LogRecord]:
        return [record for record in caplog.records if text in record.getMessage()]

    await until(lambda: bool(found()))
    return found()[0]
