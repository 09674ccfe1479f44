"""Queues: the queues and what they hold, as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runtime.engines.management.answers import numbered, sent
from runtime.engines.management.messages import MOST, listed, payload, status, who_asks
from runtime.engines.management.snapshot import QueueStatus, Snapshot
from runtime.engines.management.table import Desk, get, get_private
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.routes import Route

_QUEUE = "/api/queues/{id}"
_MESSAGE = "/api/queues/{id}/messages/{message}"
_LIMIT = 50
"""Messages of a page, if it asks for no other number."""


def routes(desk: Desk) -> Iterable[Route]:
    source = desk.source

    async def queues(exchange: Exchange) -> Any:
        return sent({"queues": (await source.read_whole()).queues})

    async def queue(exchange: Exchange) -> Any:
        return sent(find_queue(await source.read_whole(), exchange.params["id"]))

    async def messages(exchange: Exchange) -> Any:
        query = exchange.request.query_params
        limit = numbered("limit", query.get("limit"), _LIMIT, MOST)
        state, after = query.get("state", "ready"), query.get("after", "")
        return sent(await listed(source, exchange.params["id"], state, limit, after))

    async def message(exchange: Exchange) -> Any:
        return sent(await status(source, exchange.params["id"], exchange.params["message"]))

    async def body(exchange: Exchange) -> Any:
        id, message = exchange.params["id"], exchange.params["message"]
        return sent(await payload(source, id, message, who_asks(exchange)))

    yield get("/api/queues", queues)
    yield get(_QUEUE, queue)
    yield get(f"{_QUEUE}/messages", messages)
    yield get(_MESSAGE, message)
    yield get_private(desk, f"{_MESSAGE}/payload", body)


def find_queue(snapshot: Snapshot, id: str) -> QueueStatus:
    """The status of one queue. Raises HTTPError."""
    for each in snapshot.queues:
        if each.id == id:
            return each
    raise HTTPError(404, f"there is no queue '{id}'")
