"""db.sql.postgres in an application: one override away from SQLite."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.blackbox import FREE_PORT, Site, execute, running, write_files
from tests.support.example import complete, copy, post, rows
from tests.support.postgres_schema import PostgresSchema
from tests.support.postgres_server import PostgresServer
from tests.support.program import running as running_program

KIND = "app:db:kind=db.sql.postgres"
DSN = "app:db:dsn=${env:DATABASE_URL}"

MIGRATION = {
    "_index.yaml": """
        namespace: app
        entries:
          - {name: db, kind: db.sql.sqlite, file: a.db, lifecycle: {auto_start: true}}
          - {name: host, kind: process.host}
          - {name: migrate, kind: process.python, source: file://migrate.py, modules: [sql]}
          - name: service
            kind: process.service
            type: oneshot
            process: migrate
            host: host
            exclusive: db
            lifecycle: {auto_start: true}
        """,
    "migrate.py": """
        import asyncio

        from runtime.modules import sql

        async def main():
            db = sql.get("db")
            await db.execute("CREATE TABLE IF NOT EXISTS running (n INTEGER PRIMARY KEY)")
            await db.execute("INSERT INTO running VALUES (1)")
            await asyncio.sleep(0.2)
            await db.execute("DELETE FROM running")
        """,
}
"""A migration that fails if another one runs at the same time."""

VALUES = {
    "_index.yaml": """
        namespace: app
        entries:
          - {name: db, kind: db.sql.postgres, dsn: "${env:DATABASE_URL}"}
          - {name: gateway, kind: http.service, addr: ":0", lifecycle: {auto_start: true}}
          - {name: router, kind: http.router, meta: {server: gateway}}
          - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: it}
          - {name: it, kind: function.python, source: file://it.py, modules: [sql]}
        """,
    "it.py": """
        from runtime.modules.sync import sql

        def main(request):
            with sql.get("db").transaction() as tx:
                return tx.query_one(
                    "SELECT timestamptz '2026-01-02 03:04:05+00' AS at, date '2026-01-02' AS day, "
                    "1.50::numeric AS price, uuid '00000000-0000-0000-0000-000000000007' AS id, "
                    "ARRAY[1, NULL] AS list, '{}'::jsonb AS json"
                )
        """,
}


def answers(site: Site) -> list[Any]:
    """What the example answers, without what differs from run to run."""
    replies = [site.ask("GET", "/tasks")]
    for body in ({"action": "uppercase", "data": {"text": "é"}}, {"action": "sum"}):
        complete(site, body)
    replies.append(post(site, {"data": {}}))
    replies.append(site.ask("GET", "/tasks?status=nope"))
    shown = [(reply.status, reply.body) for reply in replies]
    told = sorted((task["result"], task["status"], sorted(task)) for task in rows(site))
    return [shown, told, [type(value) for value in rows(site)[0].values()]]


def test_the_example_answers_the_same_by_two_overrides(
    tmp_path: Path, postgres: PostgresSchema
) -> None:
    example = copy(tmp_path)
    with running(example, FREE_PORT) as site:
        expected = answers(site)
        assert site.stop() == 0
    with running(example, FREE_PORT, KIND, DSN, env={"DATABASE_URL": postgres.url}) as site:
        assert answers(site) == expected
        assert site.stop() == 0
    assert postgres.execute("SELECT count(*) FROM tasks") == [(2,)]


def test_values_of_the_database_are_text_in_a_response(
    tmp_path: Path, postgres: PostgresSchema
) -> None:
    write_files(tmp_path, VALUES)
    with running(tmp_path, FREE_PORT, env={"DATABASE_URL": postgres.url}) as site:
        assert site.ask("GET", "/").json == {
            "at": "2026-01-02T03:04:05Z",
            "day": "2026-01-02",
            "price": "1.50",
            "id": "00000000-0000-0000-0000-000000000007",
            "list": [1, None],
            "json": {},
        }


def test_replicas_migrate_one_after_the_other(tmp_path: Path, postgres: PostgresSchema) -> None:
    write_files(tmp_path, MIGRATION)
    for options in ((), ("-o", KIND, "-o", DSN)):
        env = {"DATABASE_URL": postgres.url}
        with (
            running_program(tmp_path, *options, env=env, ready=False) as first,
            running_program(tmp_path, *options, env=env, ready=False) as second,
        ):
            for program in (first, second):
                program.wait_for(lambda line: line["message"].startswith("app:service has ended"))
                assert not any("failed" in message for message in program.messages)


def test_a_server_that_comes_later_is_waited_for(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    write_files(tmp_path, VALUES)
    postgres_server.stop()
    options = ("-o", FREE_PORT, "-o", "app:db:lifecycle.restart.initial_delay=50ms")
    env = {"DATABASE_URL": postgres_server.url}
    with running_program(tmp_path, *options, env=env, ready=False) as program:
        program.wait_for("cannot be reached")
        postgres_server.start()

        program.wait_for(lambda line: line["message"].startswith("ready in"))
        assert not any("lost" in message for message in program.messages), "it was never reached"
        assert not any("Is the server running" in message for message in program.messages)
        assert program.stop() == 0


def test_a_server_that_is_lost_is_a_503_and_no_failure(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    write_files(tmp_path, VALUES)
    with running(tmp_path, FREE_PORT, env={"DATABASE_URL": postgres_server.url}) as site:
        assert site.ask("GET", "/").status == 200
        postgres_server.kill()
        assert site.ask("GET", "/").status == 503
        site.line("app:db: the server is lost")
        postgres_server.start()
        site.line("app:db: the server is back")
        assert site.ask("GET", "/").status == 200
        assert site.stop() == 0


def test_the_addresses_are_tried_without_a_start(tmp_path: Path, postgres: PostgresSchema) -> None:
    write_files(tmp_path, VALUES)
    good = {"env": {"DATABASE_URL": postgres.url}}
    answered = execute("validate", str(tmp_path), "--connect", **good)
    assert answered.code == 0
    assert re.search(
        r"app:db answers: postgresql://postgres@.*/postgres \(PostgreSQL \d", answered.out
    )

    bad = {"env": {"DATABASE_URL": "postgresql://me:hunter22@127.0.0.1:1/x"}}
    refused = execute("validate", str(tmp_path), "--connect", **bad)
    assert refused.code == 4
    assert "'postgresql://me@127.0.0.1:1/x' cannot be reached" in refused.out + refused.err
    assert execute("validate", str(tmp_path), **bad).code == 0


def test_a_password_is_shown_nowhere(tmp_path: Path) -> None:
    write_files(tmp_path, VALUES)
    env = {"DATABASE_URL": "postgresql://me:hunter22@127.0.0.1:1/x"}
    option = ("-o", "app:db:lifecycle.start_timeout=100ms")
    ended = execute("run", str(tmp_path), "-o", FREE_PORT, *option, env=env)

    assert ended.code == 4
    assert "postgresql://me@127.0.0.1:1/x" in ended.err
    assert "hunter22" not in ended.err + ended.out


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("", "no address; the entry needs 'dsn' or 'host'"),
        ("dsn: 'postgresql://me:hunter22@[::1/x'", "'dsn' is no address of PostgreSQL: "),
        ("dsn: hunter22", "'dsn' is no address of PostgreSQL: it does not begin with"),
        ("dsn: 'host=x hunter=22'", "it has an option that libpq does not know"),
        (
            "dsn: 'postgresql://localhost/x?hunter=22'",
            "it has a parameter after '?' that libpq does",
        ),
        ("host: localhost, direct: host=x", "'direct' goes around a pooler, and there is none"),
        ("host: a.example, tls: {mode: require}", "note: with sslmode 'require' nobody checks"),
        (
            "dsn: 'postgresql://a.example?sslmode=require'",
            "with sslmode 'require' nobody checks which server answers; remove it, or write "
            "'tls: {mode: require}' if that network is yours alone",
        ),
        (
            "dsn: 'postgresql://a.example?sslmode=disable'",
            "note: with sslmode 'disable' nobody checks which server answers; write 'verify-full'",
        ),
        ("host: localhost, file: ''", "'file' is ''"),
    ],
)
def test_what_is_wrong_with_an_address_is_found(tmp_path: Path, fields: str, message: str) -> None:
    entry = "{" + ", ".join(filter(None, ["name: db, kind: db.sql.postgres", fields])) + "}"
    write_files(tmp_path, {"_index.yaml": f"namespace: app\nentries:\n  - {entry}\n"})

    found = execute("validate", str(tmp_path))

    assert message in found.out + found.err
    assert "hunter22" not in (found.out + found.err).split("\n")[0]
    assert found.code == (0 if message.startswith("note") else 3)


CONSUMER = """
namespace: app
entries:
  - {name: db, kind: db.sql.postgres, host: localhost, pool: {size: SIZE}}
  - {name: driver, kind: queue.driver.sql, database: db}
  - {name: tasks, kind: queue.queue, driver: driver}
  - {name: it, kind: function.python, source: file://it.py}
  - {name: consumer, kind: queue.consumer, queue: tasks, func: it, transaction: db, concurrency: 7}
"""


def test_transactions_of_a_consumer_leave_connections_to_others(tmp_path: Path) -> None:
    def validate(size: int) -> str:
        manifest = CONSUMER.replace("SIZE", str(size))
        write_files(tmp_path, {"_index.yaml": manifest, "it.py": "def main(body): ..."})
        found = execute("validate", str(tmp_path))
        return found.out + found.err

    message = "7 transactions at once leave less than 2 of the 8 connections of 'app:db'"
    assert f"{message} to everybody else; write 6 at most, or 'pool.size: 9' there" in validate(8)
    assert "else; write 'pool.size: 9' there" in validate(2)
    assert "at once" not in validate(9)
