"""Programs with a store of durable queues in PostgreSQL, each with a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from runtime.engines.queue.message import Message
from runtime.service import Unavailable
from tests.support import postgres_databases as databases
from tests.support.consuming import until
from tests.support.store_conformance.suite import Program, a_message
from tests.support.stores import hasty


@asynccontextmanager
async def program(url: str, **settings: Any) -> AsyncIterator[Program]:
    """A store as in a program of its own, open; at the end it is abandoned."""
    async with databases.serving(databases.database(url)) as database:
        opened = Program(database.queue_store(hasty(**settings)))
        try:
            await opened.open()
            yield opened
        finally:
            opened.store.abandon()


async def owner_after(program: Program, before: int) -> None:
    """Wait until a program has another owner than that."""

    def has_another() -> bool:
        try:
            return program.store.owner != before
        except Unavailable:
            return False

    await until(has_another)


async def claimed(program: Program) -> tuple[int, Message]:
    """The next message, as soon as one can be claimed."""
    while True:
        try:
            if messages := (await program.claim(1)).messages:
                return messages[0]
        except Unavailable:
            await program.reported(lambda report: True)


async def published(program: Program, body: str) -> None:
    """Publish a message, as soon as the server takes one."""
    while True:
        try:
            return await program.publish(a_message(body))
        except Unavailable:
            await program.reported(lambda report: True)
