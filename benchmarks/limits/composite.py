"""Composite: what the two hand-written task applications share.

They do the work of `benchmarks.task` with raw ASGI and `sqlite3` on the event loop, and write all
that a turn of the loop brings in one transaction. Nothing is checked, retried, logged or drained.
"""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from benchmarks import task
from benchmarks.limits.server import decode, encode, serve, start

_START = start(len(encode({"id": "-" * 36, "status": "queued"})))


def serve_tasks(
    publish: Callable[[dict[str, Any]], Awaitable[None]], work: Callable[[], Any]
) -> None:
    """Serve POSTs that publish a task, and run `work` beside them."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        id = None
        if scope["method"] == "POST":
            posted = decode((await receive())["body"])
            created = task.new(posted["action"], posted["data"])
            await publish(created)
            id = created["id"]
        await send(_START)
        body = encode({"id": id or "-" * 36, "status": "queued"})
        await send({"type": "http.response.body", "body": body})

    gc.freeze()
    gc.set_threshold(10_000)  # as the runtime does
    serve(app, work)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.execute("COMMIT")


def insert(connection: sqlite3.Connection, tasks: Sequence[dict[str, Any]]) -> None:
    """Do the tasks, and insert their rows."""
    connection.executemany(task.INSERT, [task.row(each, _text) for each in tasks])


def _text(value: Any) -> str:
    return encode(value).decode()
