"""Stores of durable queues in PostgreSQL, each in a schema of its own on the shared server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
import pytest

from runtime.engines.queue.sql.store import Store
from runtime.engines.sql.contract import Database, Transaction
from tests.support import postgres_databases as databases
from tests.support.databases import ADD
from tests.support.postgres_schema import PostgresSchema, new_schema

_port: list[int] = []


@contextmanager
def using(port: int) -> Iterator[None]:
    """Have the server at a port for the stores of suites."""
    _port.append(port)
    yield
    _port.pop()


def schema() -> Any:
    """A new schema there: a context."""
    assert _port, "a test with a parameter 'postgres' has its server"
    return new_schema(_port[-1])


class PostgresSite:
    """A schema, and stores in it."""

    def __init__(self, database: Database, settings: Any, schema: PostgresSchema) -> None:
        self.database = database
        self.schema = schema
        self._settings = settings

    def store(self) -> Store:
        return self.database.queue_store(self._settings())

    @asynccontextmanager
    async def another(self) -> AsyncIterator[Database]:
        with schema() as elsewhere:
            async with databases.tasks(elsewhere.url) as database:
                yield database

    async def lose(self, transaction: Transaction) -> None:
        await transaction.execute(ADD, ["twice"])
        with pytest.raises(psycopg.IntegrityError):
            await transaction.execute(ADD, ["twice"])


def in_a_schema(settings: Any) -> Any:
    """Opens a site, whose stores have the settings that this function gives."""

    @asynccontextmanager
    async def open() -> AsyncIterator[PostgresSite]:
        with schema() as new:
            async with databases.tasks(new.url) as database:
                yield PostgresSite(database, settings, new)

    return open
