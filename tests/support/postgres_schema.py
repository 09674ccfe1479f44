"""A schema of its own for one test, on the server that all tests share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.postgres_server import USER, PostgresServer, require_postgres
from tests.support.server import LOOPBACK
from tests.support.shared_server import Address, shared

PATIENCE = "5s"
"""How long the end of a test waits for the locks of transactions that it left open."""


class PostgresSchema:
    """`url` has the schema on its search path; `server_url` is the same without."""

    def __init__(self, port: int, name: str) -> None:
        self.host = LOOPBACK
        self.port = port
        self.user = USER
        self.database = "postgres"
        self.name = name

    @property
    def server_url(self) -> str:
        return f"postgresql://{self.user}@{self.host}:{self.port}/{self.database}"

    @property
    def url(self) -> str:
        return f"{self.server_url}?options=-csearch_path%3D{self.name}"

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.url, autocommit=True)

    def execute(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Run one statement in a session of its own; its rows, if it has any."""
        with self.connect() as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def shared_postgres(place: Path) -> Iterator[Address]:
    """The server of this test run, by its address."""
    require_postgres()
    with shared(place, "postgres", _start) as address:
        yield address


def _start(lease: Path) -> Address:
    server = PostgresServer(lease=lease)
    server.initialize()
    server.start()
    server.detach()
    return Address(str(server.folder), server.port)


@contextmanager
def new_schema(port: int) -> Iterator[PostgresSchema]:
    """Make a schema, and drop it with all that a test has left there.

    A transaction that the test has left open, with a lock on one of its tables, is an error.
    """
    schema = PostgresSchema(port, f"test_{uuid.uuid4().hex[:12]}")
    name = sql.Identifier(schema.name)
    with psycopg.connect(schema.server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(name))
    yield schema
    with psycopg.connect(schema.server_url, autocommit=True) as connection:
        connection.execute(f"SET lock_timeout = '{PATIENCE}'")
        connection.execute("SET client_min_messages = 'warning'")
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(name))
