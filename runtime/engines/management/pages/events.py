"""Events: the stream that keeps open pages up to date, one for each tab that is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from msgspec.structs import replace
from starlette.types import Scope

from runtime import codec
from runtime.engines.management.logs import Wanted, wanted
from runtime.engines.management.pages.flow import Flow
from runtime.engines.management.pages.live import texts
from runtime.engines.management.pages.log import SHOWN, item
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.source import Source
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError

INTERVAL = 1.0
"""Seconds between two events with the texts that have changed."""
QUIET = 15.0
"""Seconds after which a comment keeps proxies from closing the stream."""
MOST = 32
"""Streams that are open at once: each is a connection, and others must have some."""


class Events:
    """Makes the streams. The texts are made once a second for all of them."""

    def __init__(
        self, source: Source, look: Callable[[Scope], Awaitable[Sight]], flow: Flow
    ) -> None:
        self._source = source
        self._look = look
        self._flow = flow
        self._open = 0

    async def stream(self, exchange: Exchange) -> AsyncIterator[bytes]:
        """The events for one page, until the program stops. Raises HTTPError for one too many.

        With `log=NUMBER` in the query, the lines of the log behind that one are among them.
        """
        if self._open >= MOST:
            raise HTTPError(503, f"{MOST} pages are open already", headers={"Retry-After": "10"})
        events = self._events(exchange, _lines_wanted(exchange))
        await anext(events)  # it counts from now on, so that many at once are no more than these
        return events

    async def _events(self, exchange: Exchange, lines: Wanted | None) -> AsyncIterator[bytes]:
        self._open += 1
        told: dict[str, str] = {}
        generation, quiet = None, 0.0
        try:
            yield b""
            yield b"retry: 2000\n\n"
            while not exchange.drain.stopping.is_set():
                sight = await self._look(exchange.scope)
                if sight.snapshot.generation != generation:
                    generation = sight.snapshot.generation
                    yield _event("reload", {"generation": generation})
                now = texts(sight, self._flow.nodes(sight))
                changed = {id: text for id, text in now.items() if told.get(id) != text}
                told, quiet = now, quiet + INTERVAL
                if changed:
                    yield _event("live", changed)
                    quiet = 0.0
                if lines is not None and (found := lines.of(self._source)):
                    lines = replace(lines, after=found[0].number)
                    html = "".join(item(each, sight.now) for each in found)
                    yield b"id: %d\n" % lines.after + _event("log", html)
                    quiet = 0.0
                if quiet >= QUIET:
                    yield b": still here\n\n"
                    quiet = 0.0
                with suppress(TimeoutError):
                    await asyncio.wait_for(exchange.drain.stopping.wait(), INTERVAL)
        finally:
            self._open -= 1


def _lines_wanted(exchange: Exchange) -> Wanted | None:
    """The lines that a page shows; a browser that comes back says which it had last."""
    query = exchange.request.query_params
    if "log" not in query:
        return None
    last = exchange.headers.get(b"last-event-id", b"").decode("latin-1") or query["log"]
    after = int(last[:12]) if last.isascii() and last.isdigit() else 0
    return replace(wanted(query), limit=SHOWN, after=after)


def _event(name: str, data: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), codec.encode(data))
