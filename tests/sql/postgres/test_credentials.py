"""Credentials: passwords and services from libpq's own files, and a password that changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.service import StartError, Unavailable
from tests.support.databases import run, serving
from tests.support.postgres_databases import database
from tests.support.postgres_server import PostgresServer, require_postgres

WHO = "SELECT current_user::text AS who"


@pytest.fixture
def guarded() -> Iterator[PostgresServer]:
    """A server whose role `shop` has a password."""
    require_postgres()
    server = PostgresServer()
    try:
        server.initialize()
        (server.data / "pg_hba.conf").write_text(
            "host all postgres all trust\nhost all all all scram-sha-256\n"
        )
        server.start()
        server.execute("CREATE ROLE shop LOGIN PASSWORD 'one'")
        yield server
    finally:
        server.remove()


def passwords(path: Path, password: str) -> None:
    path.write_text(f"*:*:*:shop:{password}\n")
    path.chmod(0o600)


async def who(url: str) -> str:
    async with serving(database(url)) as db:
        row = await db.query_one(WHO)
    return str(row["who"])


def test_a_password_may_come_from_libpqs_files(
    guarded: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"{guarded.host}:{guarded.port}/postgres"
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "passwords"))
    passwords(tmp_path / "passwords", "one")
    assert run(who(f"postgresql://shop@{place}")) == "shop"
    assert run(who(f"postgresql://postgres@{place}")) == "postgres"

    monkeypatch.delenv("PGPASSFILE")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StartError, match="no password supplied"):
        run(who(f"postgresql://shop@{place}"))
    passwords(tmp_path / ".pgpass", "one")
    assert run(who(f"postgresql://shop@{place}")) == "shop"
    passwords(tmp_path / ".pgpass", "wrong")
    with pytest.raises(StartError, match='password authentication failed for user "shop"'):
        run(who(f"postgresql://shop@{place}"))


def test_an_address_may_be_a_service(
    guarded: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "services").write_text(
        f"[shop]\nhost={guarded.host}\nport={guarded.port}\nuser=shop\n"
        "dbname=postgres\npassword=one\nsslmode=prefer\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    assert run(who("service=shop")) == "shop"
    with pytest.raises(StartError, match='definition of service "nope" not found'):
        run(who("service=nope"))
    monkeypatch.setenv("PGSERVICE", "shop")
    assert run(who("dbname=postgres")) == "shop"


def test_a_changed_password_is_read_at_the_next_connection(
    guarded: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        url = f"postgresql://shop@{guarded.host}:{guarded.port}/postgres"
        async with serving(database(url)) as db:
            await db.query(WHO)
            guarded.execute("ALTER ROLE shop PASSWORD 'two'")
            assert await db.query_one(WHO) == {"who": "shop"}
            guarded.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                            "WHERE usename = 'shop'")  # fmt: skip
            while True:
                try:
                    await db.query(WHO)
                except Unavailable as error:
                    if "password authentication failed" in str(error):
                        break
            passwords(tmp_path / "passwords", "two")
            while True:
                try:
                    assert await db.query_one(WHO) == {"who": "shop"}
                    break
                except Unavailable:
                    pass

    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "passwords"))
    passwords(tmp_path / "passwords", "one")
    run(main())
