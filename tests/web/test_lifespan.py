"""The start of mounted applications, and a stop that comes before its end."""

from __future__ import annotations

import asyncio
from typing import Any

from runtime.engines.web.lifespan import Lifespan, Lifespans
from tests.support.serving import run


def test_a_stop_ends_a_start_that_still_lasts_and_lets_it_clean_up() -> None:
    seen: list[str] = []
    connecting = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((await receive())["type"])
        connecting.set()
        try:
            await asyncio.Event().wait()  # for a database that does not answer
        finally:
            await asyncio.sleep(0)
            seen.append("closed")

    async def main() -> None:
        stop, lifespans = asyncio.Event(), Lifespans()
        start = asyncio.create_task(
            lifespans.start([Lifespan(app, "app:a"), Lifespan(app, "app:b")], stop)
        )
        await connecting.wait()
        stop.set()
        await start
        await lifespans.stop()

    run(main())

    assert seen == ["lifespan.startup", "closed"]
