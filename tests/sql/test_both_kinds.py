"""The contract of databases, held by every kind: one code, the same answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.contract import DatabaseClosed
from runtime.modules import sql
from runtime.modules.sql import builder
from tests.support import databases, postgres_databases
from tests.support.databases import ADD, clean_context, run

Open = Callable[[], AbstractAsyncContextManager[Any]]


@pytest.fixture(params=["sqlite", "postgres"])
def tasks(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens a running database with an empty table `tasks`."""
    if request.param == "sqlite":
        return lambda: databases.tasks(tmp_path / "tasks.db")
    schema = request.getfixturevalue("postgres")
    return lambda: postgres_databases.tasks(schema.url)


@asynccontextmanager
async def three(tasks: Open) -> AsyncIterator[Any]:
    async with tasks() as db:
        await db.executemany("INSERT INTO tasks (name, status) VALUES (?, ?)", [
            ("ann", "new"), ("Bob", "done"), ("cid", None)
        ])  # fmt: skip
        yield db


def test_rows_are_dicts_and_null_is_none(tasks: Open) -> None:
    async def main() -> None:
        async with three(tasks) as db:
            rows = await db.query("SELECT name, status FROM tasks ORDER BY name DESC")
            assert rows[0] == {"name": "cid", "status": None}
            assert await db.query_one("SELECT 1 AS n FROM tasks WHERE name = ?", ("no",)) is None
            assert await db.query("SELECT name FROM tasks WHERE status = :s", {"s": "new"}) == [
                {"name": "ann"}
            ]

    run(main())


def test_a_change_tells_how_many_rows_it_touched(tasks: Open) -> None:
    async def main() -> None:
        async with three(tasks) as db:
            assert (await db.execute("UPDATE tasks SET status = ?", ("x",))).rows_affected == 3
            assert (await db.execute("CREATE TABLE other (n INTEGER)")).rows_affected == 0
            returned = await db.query("DELETE FROM tasks WHERE name = 'ann' RETURNING name")
            assert returned == [{"name": "ann"}]
            many = await db.executemany(ADD, [("x",), ("y",)])
            assert (many.rows_affected, many.last_insert_id) == (2, None)
            assert (await db.executemany(ADD, [])).rows_affected == 0

    run(main())


def test_a_violated_constraint_is_an_integrity_error(tasks: Open) -> None:
    async def main() -> None:
        async with three(tasks) as db:
            with pytest.raises(sql.IntegrityError, match="in 'INSERT INTO tasks"):
                await db.execute(ADD, ("ann",))
            with pytest.raises(sql.IntegrityError, match=r"^row 2: "):
                await db.executemany(ADD, [("x",), ("ann",)])
            assert await db.query_one("SELECT count(*) AS n FROM tasks") == {"n": 3}

    run(main())


def test_a_transaction_is_kept_or_undone_as_a_whole(tasks: Open) -> None:
    async def main() -> None:
        async with tasks() as db:
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                assert await tx.query_one("SELECT count(*) AS n FROM tasks") == {"n": 1}
                assert await db.query_one("SELECT count(*) AS n FROM tasks") == {"n": 0}
            with pytest.raises(ZeroDivisionError):
                async with db.transaction() as tx:
                    await tx.executescript("INSERT INTO tasks (name) VALUES ('b'); SELECT 1;")
                    1 / 0  # noqa: B018

            assert await db.query("SELECT name FROM tasks") == [{"name": "a"}]

    run(main())


def test_an_attempt_is_undone_alone(tasks: Open) -> None:
    async def main() -> None:
        async with tasks() as db:
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                with pytest.raises(sql.IntegrityError):
                    async with tx.attempt():
                        await tx.execute(ADD, ("b",))
                        async with tx.attempt():
                            await tx.execute(ADD, ("c",))
                        await tx.execute(ADD, ("a",))
                async with tx.attempt():
                    await tx.execute(ADD, ("d",))

            rows = await db.query("SELECT name FROM tasks ORDER BY name")
            assert [row["name"] for row in rows] == ["a", "d"]

    run(main())


def test_a_thread_has_the_same_database(tasks: Open) -> None:
    def work(db: Any) -> None:
        with db.blocking.transaction() as tx:
            tx.execute(ADD, ("a",))
            with pytest.raises(sql.IntegrityError), tx.attempt():
                tx.execute(ADD, ("a",))
            with pytest.raises(RuntimeError, match="which would wait for itself"):
                db.blocking.execute(ADD, ("b",))
        db.blocking.executemany(ADD, [("c",)])
        db.blocking.executescript("INSERT INTO tasks (name) VALUES ('d');")
        assert db.blocking.query_one("SELECT count(*) AS n FROM tasks") == {"n": 3}
        with pytest.raises(sql.IntegrityError), db.blocking.transaction() as tx:
            tx.execute(ADD, ("e",))
            tx.execute(ADD, ("a",))
        assert len(db.blocking.query("SELECT * FROM tasks")) == 3

    async def main() -> None:
        async with tasks() as db:
            await asyncio.to_thread(work, db)
            with pytest.raises(RuntimeError, match="would stop the event loop"):
                db.blocking.query("SELECT 1")

    run(main())


def test_another_loop_has_the_same_database(tasks: Open) -> None:
    async def elsewhere(db: Any) -> None:
        async with db.transaction() as tx:
            await tx.execute(ADD, ("a",))
        assert await db.query("SELECT name FROM tasks") == [{"name": "a"}]

    async def main() -> None:
        async with tasks() as db:
            await asyncio.to_thread(asyncio.run, elsewhere(db))

    run(main())


def test_a_call_that_would_wait_for_its_own_transaction_raises(tasks: Open) -> None:
    async def main() -> None:
        async with tasks() as db, db.transaction() as tx:
            await tx.execute(ADD, ("a",))
            with pytest.raises(RuntimeError, match="which would wait for itself"):
                await db.execute(ADD, ("b",))
            with pytest.raises(RuntimeError, match="which would wait for itself"):
                async with db.transaction():
                    pass
            assert await db.query("SELECT name FROM tasks") == []

    run(main())


def test_a_transaction_is_entered_once(tasks: Open) -> None:
    async def main() -> None:
        async with tasks() as db:
            tx = db.transaction()
            with pytest.raises(RuntimeError, match="is not entered"):
                await tx.query("SELECT 1")
            async with tx:
                with pytest.raises(RuntimeError, match="is entered already"):
                    await tx.__aenter__()
            with pytest.raises(RuntimeError, match="the transaction has ended"):
                await tx.query("SELECT 1")

    run(main())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("BEGIN", "BEGIN outside of a transaction; use the database's transaction"),
        ("", "the statement is empty"),
        ("SELECT 1", r"execute\(\) returns no rows; use query\(\)"),
    ],
)
def test_what_has_no_place_is_refused(tasks: Open, text: str, message: str) -> None:
    async def main() -> None:
        async with tasks() as db:
            with pytest.raises(ValueError, match=message):
                await db.execute(text)

    run(main())


def test_the_builder_asks_every_kind_in_its_own_words(tasks: Open) -> None:
    async def main() -> None:
        async with three(tasks) as db:

            async def names(query: Any) -> list[str]:
                return [row["name"] for row in await query.order_by("id").run_with(db).query()]

            query = builder.select("name").from_("tasks")
            assert await names(query.where({"name": ["ann", 'q"\\', "cid"]})) == ["ann", "cid"]
            assert await names(query.where({"id": [1, 2]}).where({"status": "done"})) == ["Bob"]
            assert await names(query.where({"status": ["new", None]})) == ["ann", "cid"]
            assert await names(query.where({"id": []})) == []
            assert await names(query.where(builder.like("name", "b%"))) == ["Bob"]
            assert await names(query.where(builder.not_like("name", "b%"))) == ["ann", "cid"]
            inner = builder.select("id").from_("tasks").where({"name": ["Bob"]})
            assert await names(query.where({"id": inner})) == ["Bob"]
            assert await names(query.offset(2)) == ["cid"]
            added = builder.insert("tasks").set({"name": "ann"})
            assert (await added.or_ignore().run_with(db).execute()).rows_affected == 0
            upsert = added.on_conflict_do_update("name", set={"status": "again"})
            rows = await upsert.returning("name", "status").run_with(db).query()
            assert rows == [{"name": "ann", "status": "again"}]
            joined = builder.select("group_concat(DISTINCT status) AS all").from_("tasks")
            assert await joined.where({"name": "Bob"}).run_with(db).query() == [{"all": "done"}]

    run(main())


def test_json_is_bound_by_its_name(tasks: Open) -> None:
    async def main() -> None:
        async with tasks() as db:
            await db.execute(ADD, (sql.json({"a": [1]}),))
            (row,) = await db.query("SELECT name FROM tasks")
            assert row["name"].replace(" ", "") == '{"a":[1]}'
            with pytest.raises(TypeError, match=r"parameter 1 is of type dict.*sql\.json"):
                await db.execute(ADD, ({"a": 1},))

    run(main())


def test_a_lock_by_name_is_held_by_one_at_a_time(tasks: Open) -> None:
    async def main() -> None:
        async with tasks() as db:
            taken: list[int] = []

            async def take(number: int) -> None:
                async with db.exclusive("app:migrate"):
                    taken.append(number)

            async with db.exclusive("app:migrate"):
                waiting = asyncio.create_task(take(1))
                async with db.exclusive("app:other"):
                    taken.append(0)
                cancelled = asyncio.create_task(take(2))
                await db.query("SELECT 1")
                cancelled.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await cancelled
                taken.append(3)
            await waiting
            assert taken == [0, 3, 1]

    run(main())


def test_a_stopped_database_refuses_calls(tasks: Open) -> None:
    async def main() -> None:
        async with tasks() as db:
            pass
        with pytest.raises(DatabaseClosed, match=r"'app:db' is not running \(it was stopped\)"):
            await db.query("SELECT 1")

    run(main())


def test_tasks_wait_for_each_other(tasks: Open) -> None:
    async def main() -> None:
        async with tasks() as db:
            loop = asyncio.get_running_loop()

            async def add(number: int) -> None:
                async with db.transaction() as tx:
                    await tx.execute(ADD, (str(number),))

            await asyncio.gather(
                *(loop.create_task(add(number), context=clean_context()) for number in range(40))
            )
            assert await db.query_one("SELECT count(*) AS n FROM tasks") == {"n": 40}

    run(main())
