"""Partitions: a client that is cut off from its server, in silence."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator

import pytest

from runtime.engines.sql.contract import TransactionLost
from runtime.service import Unavailable
from tests.support.databases import ADD, serving
from tests.support.hosts import Host, Network
from tests.support.postgres_databases import TASKS, database
from tests.support.postgres_server import PostgresServer, require_postgres

NOTICED = 12.0
"""Seconds, twice the time-out of the sockets."""


@pytest.fixture
def host(network: Network) -> Host:
    return network.host()


@pytest.fixture
def server(host: Host) -> Iterator[PostgresServer]:
    """A server on a host of its own."""
    require_postgres()
    with PostgresServer(host=host.address, within=host.within).running() as server:
        yield server


def locked(server: PostgresServer, host: Host) -> bool:
    """True while somebody at the server has a lock on the table; asked on its own host."""
    command = [*host.within, str(server.bin / "psql"), "-XAt", server.url, "-c"]
    text = "SELECT 1 FROM pg_locks WHERE relation = 'tasks'::regclass AND pid <> pg_backend_pid()"
    return bool(subprocess.run([*command, text], check=True, capture_output=True).stdout)


def test_it_is_noticed_on_both_sides_and_leaves_no_lock(server: PostgresServer, host: Host) -> None:
    async def main() -> None:
        limits = {"statement_timeout": 60.0, "transaction_timeout": 60.0}
        async with serving(database(f"{server.url}?sslmode=disable", **limits)) as db:
            await db.execute(TASKS)
            await db.execute(ADD, ("a",))
            async with asyncio.timeout(NOTICED):
                with pytest.raises((TransactionLost, Unavailable)):
                    async with db.transaction() as tx:
                        await tx.execute("UPDATE tasks SET status = 'x'")
                        host.cut()
                        assert locked(server, host)
                        await tx.execute("UPDATE tasks SET status = 'y'")
                while await asyncio.to_thread(locked, server, host):
                    pass
            with pytest.raises(Unavailable):
                await db.query("SELECT 1")
            host.join()
            while True:
                try:
                    assert await db.query("SELECT name FROM tasks") == [{"name": "a"}]
                    break
                except Unavailable:
                    await asyncio.sleep(0)

    asyncio.run(main())
