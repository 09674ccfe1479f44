"""The PostgreSQL servers of the tests: shared, killed, restarted, followed and promoted."""

from __future__ import annotations

import os
import select

import psycopg
import pytest

from tests.support.postgres_schema import PostgresSchema
from tests.support.postgres_server import PostgresServer


def alive(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")


def test_a_test_has_a_schema_of_its_own(postgres: PostgresSchema) -> None:
    postgres.execute("CREATE TABLE item (id int)")
    assert postgres.execute("SELECT current_schema()") == [(postgres.name,)]
    assert postgres.execute("SELECT * FROM item") == []


def test_the_next_test_finds_the_same_server_and_an_empty_schema(postgres: PostgresSchema) -> None:
    schemas = postgres.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'test\\_%'")
    assert (postgres.name,) in schemas
    with pytest.raises(psycopg.errors.UndefinedTable):
        postgres.execute("SELECT * FROM item")


def test_a_killed_server_takes_its_backends_along(postgres_server: PostgresServer) -> None:
    with psycopg.connect(postgres_server.url) as session:
        backend = session.info.backend_pid
        pids = postgres_server.process.pids
        assert backend in pids
        postgres_server.kill()
        assert not any(map(alive, pids))
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")


def test_what_was_committed_is_there_after_a_kill(postgres_server: PostgresServer) -> None:
    postgres_server.execute("CREATE TABLE item AS SELECT 7 AS id")
    url = postgres_server.url
    postgres_server.kill()
    postgres_server.start()
    assert postgres_server.url == url
    assert postgres_server.execute("SELECT id FROM item") == [(7,)]


def test_a_frozen_server_goes_on_where_it_was(postgres_server: PostgresServer) -> None:
    with psycopg.connect(postgres_server.url, autocommit=True) as session:
        postgres_server.suspend()
        session.pgconn.send_query(b"SELECT 1")
        assert select.select([session], [], [], 0.1) == ([], [], [])
        postgres_server.resume()
        assert select.select([session], [], [], 10) == ([session], [], [])
        while session.pgconn.get_result() is not None:
            pass


def test_settings_are_the_tests(postgres_server: PostgresServer) -> None:
    postgres_server.settings["deadlock_timeout"] = "123ms"
    postgres_server.restart()
    assert postgres_server.execute("SHOW deadlock_timeout") == [("123ms",)]


def test_a_promoted_standby_has_what_was_confirmed(postgres_server: PostgresServer) -> None:
    postgres_server.settings["synchronous_standby_names"] = "second"
    standby = postgres_server.standby("second")
    standby.start()
    postgres_server.restart()
    postgres_server.execute("CREATE TABLE item AS SELECT 7 AS id")
    postgres_server.kill()
    standby.promote()
    assert standby.execute("SELECT id FROM item") == [(7,)]
    standby.execute("INSERT INTO item VALUES (8)")
