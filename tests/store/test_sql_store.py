"""A store in a database: shared, changed in transactions, and purged."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runtime.engines.sql.contract import Database
from runtime.engines.store.contract import ABSENT
from runtime.engines.store.sql import PURGE
from runtime.engines.store.statements import AT_ONCE
from tests.support import databases, postgres_databases
from tests.support.clock import FakeClock
from tests.support.consuming import run
from tests.support.key_value_stores import on

Test = Callable[[Database, FakeClock], Awaitable[None]]
Check = Callable[[Test], None]


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    if url:
        async with databases.serving(postgres_databases.database(url)) as database:
            yield database
        return
    with tempfile.TemporaryDirectory() as folder:
        async with databases.serving(databases.database(Path(folder) / "app.db")) as database:
            yield database


@pytest.fixture(params=["sqlite", "postgres"])
def check(request: pytest.FixtureRequest) -> Check:
    """Runs a test with a database of each sort."""
    url = request.getfixturevalue("postgres").url if request.param == "postgres" else ""

    def checked(test: Test) -> None:
        async def main() -> None:
            async with opened(url) as database:
                await test(database, FakeClock())

        run(main)

    return checked


async def rows(database: Database) -> int:
    (row,) = await database.query("SELECT count(*) AS n FROM runtime_store")
    return int(row["n"])


def test_programs_share_a_store_and_two_stores_of_one_database_nothing(check: Check) -> None:
    async def test(database: Database, fake: FakeClock) -> None:
        async with (
            on(database, fake) as first,
            on(database, fake) as second,
            on(database, fake, "other") as other,
        ):
            await first.set("a", 1)

            assert await second.get("a") == 1
            assert await other.get("a") is None
            assert await other.keys() == []
            assert not await second.compare_and_set("a", ABSENT, 2)
            assert await other.compare_and_set("a", ABSENT, 2)

    check(test)


def test_a_change_in_a_transaction_is_there_if_that_is_committed(check: Check) -> None:
    async def test(database: Database, fake: FakeClock) -> None:
        async with on(database, fake) as store:
            with pytest.raises(ZeroDivisionError):
                async with database.transaction() as tx:
                    await store.set("a", 1, transaction=tx)
                    assert await store.get("a", transaction=tx) == 1
                    raise ZeroDivisionError
            assert await store.get("a") is None
            async with database.transaction() as tx:
                await store.set("a", 1, transaction=tx)
                await store.compare_and_set("a", 1, 2, transaction=tx)
                await store.set("b", 3, transaction=tx)
                await store.delete("b", transaction=tx)
            assert await store.get("a") == 2
            assert await store.keys() == ["a"]

    check(test)


def test_a_transaction_of_another_database_is_refused(check: Check) -> None:
    async def test(database: Database, fake: FakeClock) -> None:
        async with (
            on(database, fake) as store,
            databases.tasks() as other,
            other.transaction() as tx,
        ):
            with pytest.raises(ValueError, match="'app:store' keeps its values in"):
                await store.set("a", 1, transaction=tx)

    check(test)


def test_what_has_expired_is_deleted_in_the_background(check: Check) -> None:
    async def test(database: Database, fake: FakeClock) -> None:
        async with on(database, fake) as store:
            for number in range(3):
                await store.set(f"short {number}", 1, ttl=30)
            await store.set("long", 1, ttl="1h")
            await store.set("for ever", 1)
            insert = "INSERT INTO runtime_store (store, key, value, expires) VALUES (?, ?, '1', 1)"
            many = [("sessions", f"old {number}") for number in range(2 * AT_ONCE + 1)]
            await database.executemany(insert, many)
            await database.execute(insert, ("other", "old"))
            await fake.advance(PURGE + 1)
            # Its last statement is behind all those before, on each connection.
            while await rows(database) > 3:
                await database.query("SELECT 1 AS one")

            assert await store.keys() == ["for ever", "long"]

    check(test)
