"""Failover: several hosts, a standby that is promoted, and one that does not confirm."""

from __future__ import annotations

import asyncio

import pytest

from runtime.engines.sql.contract import Uncertain
from runtime.service import Unavailable
from tests.support.databases import ADD, run, serving
from tests.support.postgres_databases import TASKS, database
from tests.support.postgres_server import PostgresServer

NAMES = "SELECT name FROM tasks"


def both(first: PostgresServer, second: PostgresServer) -> str:
    hosts = f"{first.host}:{first.port},{second.host}:{second.port}"
    return f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"


def test_a_promoted_standby_is_found_and_calls_are_unavailable_until_then(
    postgres_server: PostgresServer,
) -> None:
    async def main() -> None:
        standby = postgres_server.standby("second")
        postgres_server.settings["synchronous_standby_names"] = "second"
        await asyncio.to_thread(standby.start)
        await asyncio.to_thread(postgres_server.restart)
        async with serving(database(both(standby, postgres_server))) as db:
            await db.execute(TASKS)
            await db.execute(ADD, ("a",))
            await asyncio.to_thread(postgres_server.kill)
            for _ in range(20):
                with pytest.raises(Unavailable):
                    await db.execute(ADD, ("b",))
            await asyncio.to_thread(standby.promote)
            while True:
                try:
                    await db.execute(ADD, ("c",))
                    break
                except Unavailable:
                    await asyncio.sleep(0)

            assert await db.query(NAMES) == [{"name": "a"}, {"name": "c"}]

    run(main())


def test_a_primary_that_turned_into_a_standby_is_left(postgres_server: PostgresServer) -> None:
    async def main() -> None:
        standby = postgres_server.standby("second")
        await asyncio.to_thread(standby.start)
        async with serving(database(both(standby, postgres_server))) as db:
            await db.execute(TASKS)
            (row,) = await db.query("SHOW port")
            assert row == {"port": str(postgres_server.port)}
            assert db.unreachable is None
            await asyncio.to_thread(postgres_server.stop)
            while db.unreachable is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            (postgres_server.data / "standby.signal").touch()
            await asyncio.to_thread(postgres_server.start)
            await asyncio.to_thread(standby.promote)
            while True:
                try:
                    await db.execute(ADD, ("a",))
                    break
                except Unavailable:
                    await asyncio.sleep(0)

            assert await db.query("SHOW port") == [{"port": str(standby.port)}]
            assert db.unreachable is None

    run(main())


async def waiting(server: PostgresServer) -> None:
    """Return once a commit waits for its standby."""
    text = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    while not await asyncio.to_thread(server.execute, text):
        pass


def test_a_commit_that_no_standby_confirms_is_uncertain_and_keeps_no_lock(
    postgres_server: PostgresServer,
) -> None:
    async def main() -> None:
        async with serving(database(postgres_server.url)) as db:
            await db.execute(TASKS)
        postgres_server.settings["synchronous_standby_names"] = "nobody"
        await asyncio.to_thread(postgres_server.restart)
        short = {"statement_timeout": 0.1, "transaction_timeout": 0.1}
        cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        async with serving(database(postgres_server.url, **short)) as db:
            alone = asyncio.create_task(db.execute(ADD, ("a",)))
            await waiting(postgres_server)
            await asyncio.to_thread(postgres_server.execute, cancel)
            with pytest.raises(Uncertain, match=r"no synchronous standby .* in 'INSERT INTO tasks"):
                await alone
            with pytest.raises(Uncertain, match=r"no synchronous standby .* in 'COMMIT'"):
                async with db.transaction() as tx:
                    await tx.execute("LOCK tasks")
                    await tx.execute(ADD, ("b",))

            assert await db.query(NAMES) == [{"name": "a"}, {"name": "b"}]

    run(main())
