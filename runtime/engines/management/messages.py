"""Messages: those that a queue holds, page by page, and the body of one for those who may act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from runtime.engines.management.operation import Refused
from runtime.engines.management.source import Source
from runtime.engines.web.exchange import Exchange

MOST = 200
"""Messages of a page at most."""


class MessageRow(Struct, frozen=True):
    """One message without its body. Times are in ISO 8601, in UTC."""

    id: str
    state: str
    """`ready`, `delayed` or `running`."""
    attempt: int
    """The number of attempts begun so far."""
    priority: int
    published: str
    due: str | None = None
    """Of a delayed message."""
    size: int = 0
    """Bytes of its body."""
    headers: tuple[str, ...] = ()
    """The names of its headers."""


class MessagePage(Struct, frozen=True):
    """Messages in one state, in the order in which they come."""

    messages: tuple[MessageRow, ...]
    next: str | None = None
    """The id after which the next page begins; None for the last page."""


async def listed(source: Source, queue: str, state: str, limit: int, after: str) -> MessagePage:
    """A page of the messages of a queue, behind the one of the id `after` if that is given.

    Raises Refused, also for a driver that cannot be looked into, and LoopBlocked.
    """
    if not 1 <= limit <= MOST:
        raise Refused(400, f"'limit' is {limit}, not from 1 to {MOST}")
    asked = {"queue": queue, "state": state, "limit": limit + 1, "after": after}
    found = [_row(each, state) for each in await source.ask("queue.peek", **asked)]
    more = len(found) > limit
    return MessagePage(tuple(found[:limit]), found[limit - 1].id if more else None)


async def status(source: Source, queue: str, id: str) -> Any:
    """The status of a message, without what its handler returned. Raises as `listed`."""
    found = await source.ask("task.status", queue=queue, id=id)
    return {name: value for name, value in found.items() if name != "result"}


async def payload(source: Source, queue: str, id: str, who: str) -> Any:
    """`text` and `size` of the body of a message, finished or dead; the log tells who saw it.

    Raises as `listed`.
    """
    try:
        return await source.ask("queue.payload", queue=queue, id=id, who=who)
    except Refused as error:
        if error.status not in (400, 404):
            raise
        unfinished = error
    try:
        return await source.ask("dead.payload", queue=queue, id=id, who=who)
    except Refused:
        raise unfinished from None


def who_asks(exchange: Exchange) -> str:
    """The address of a client, for the log; empty at the Unix socket."""
    client = exchange.scope.get("client")
    return f"{client[0]}, by management" if client and client[0] else ""


def _row(told: Mapping[str, Any], state: str) -> MessageRow:
    return msgspec.convert({**told, "state": state, "headers": sorted(told["headers"])}, MessageRow)
