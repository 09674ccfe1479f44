"""Migrations on both kinds of databases: once, in order, each as a whole."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from runtime.service import StartError
from tests.support import migrating
from tests.support.databases import run
from tests.support.migrating import Open, steps

TASKS = "CREATE TABLE tasks (n INTEGER PRIMARY KEY);"


@pytest.fixture(params=["sqlite", "memory", "postgres"])
def open(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    if request.param == "postgres":
        return migrating.postgres(request.getfixturevalue("postgres").url)
    return migrating.sqlite(tmp_path / "a.db" if request.param == "sqlite" else ":memory:")


@pytest.fixture(params=["sqlite", "postgres"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the same database each time."""
    if request.param == "postgres":
        return migrating.postgres(request.getfixturevalue("postgres").url)
    return migrating.sqlite(tmp_path / "a.db")


def test_each_is_applied_once_and_in_order(open: Open, tmp_path: Path) -> None:
    async def main() -> None:
        async with steps(open, tmp_path / "m") as these:
            these.write(
                _2_b="INSERT INTO tasks VALUES (1); INSERT INTO tasks VALUES (2)", _1_a=TASKS
            )
            assert await these.apply() == ["1_a.sql", "2_b.sql"]
            assert await these.apply() == []
            these.write(_10_c="INSERT INTO tasks VALUES (3)")
            assert await these.apply() == ["10_c.sql"]
            assert await these.count("tasks") == 3

    run(main())


def test_the_table_tells_when_and_how_long(open: Open, tmp_path: Path) -> None:
    async def main() -> None:
        async with steps(open, tmp_path / "m") as these:
            these.write(_1_a=TASKS)
            await these.apply()
            (step,) = (await these.migrator.plan()).steps
            assert step.record is not None
            assert step.record.applied_at.tzinfo is not None
            assert step.record.seconds is not None
            assert step.record.seconds > 0
            assert len(step.record.checksum) == 64

    run(main())


def test_one_that_fails_leaves_nothing_and_names_its_line(open: Open, tmp_path: Path) -> None:
    async def main() -> None:
        async with steps(open, tmp_path / "m") as these:
            these.write(
                _1_a=TASKS, _2_b="INSERT INTO tasks VALUES (1);\n\nINSERT INTO nots\nVALUES (1);"
            )
            with pytest.raises(StartError) as raised:
                await these.apply()
            text = str(raised.value)
            assert text.startswith(f"{these.folder}/2_b.sql:3: ")
            assert "nots" in text
            assert text.endswith("; nothing of it was applied")
            assert await these.states() == {"1_a.sql": "applied", "2_b.sql": "pending"}
            assert await these.count("tasks") == 0
            these.write(_2_b="INSERT INTO tasks VALUES (1)")
            assert await these.apply() == ["2_b.sql"]

    run(main())


def test_a_status_changes_nothing(open: Open, tmp_path: Path) -> None:
    async def main() -> None:
        async with steps(open, tmp_path / "m") as these:
            these.write(_1_a=TASKS)
            assert await these.states() == {"1_a.sql": "pending"}
            with pytest.raises(Exception, match="runtime_migrations"):
                await these.count("runtime_migrations")

    run(main())


def test_python_gets_the_transaction_and_shares_its_end(open: Open, tmp_path: Path) -> None:
    async def insert(tx: Any) -> None:
        await tx.execute("INSERT INTO tasks VALUES (?)", (1,))

    async def fail(tx: Any) -> None:
        await insert(tx)
        raise ValueError("no")

    async def main() -> None:
        async with steps(open, tmp_path / "m") as these:
            these.write(_1_a=TASKS)
            (these.folder / "2_b.py").write_text("def migrate(tx): ...")
            these.python = fail
            with pytest.raises(StartError, match=r"2_b\.py: no; nothing of it was applied"):
                await these.apply()
            assert await these.count("tasks") == 0
            these.python = insert
            assert await these.apply() == ["2_b.py"]
            assert await these.count("tasks") == 1

    run(main())


def test_a_changed_file_stops_all_until_it_is_accepted(open: Open, tmp_path: Path) -> None:
    async def main() -> None:
        async with steps(open, tmp_path / "m") as these:
            these.write(_1_a=TASKS)
            await these.apply()
            these.write(_1_a=f"-- The tasks.\n{TASKS}", _2_b="INSERT INTO tasks VALUES (1)")
            with pytest.raises(StartError, match=r"'1_a\.sql' was changed since it was applied"):
                await these.apply()
            with pytest.raises(StartError, match="number 2 is no changed migration; changed: 1"):
                await these.migrator.accept([2])
            await these.migrator.accept([1])
            assert await these.apply() == ["2_b.sql"]

    run(main())


def test_a_database_older_than_its_migrations_begins_at_the_baseline(
    open: Open, tmp_path: Path
) -> None:
    async def main() -> None:
        async with steps(open, tmp_path / "m", baseline=2) as these:
            await these.database.execute(TASKS)
            these.write(_1_a=TASKS, _2_b="syntax?", _3_c="INSERT INTO tasks VALUES (3)")
            assert await these.apply() == ["3_c.sql"]
            assert await these.states() == {
                "1_a.sql": "baseline",
                "2_b.sql": "baseline",
                "3_c.sql": "applied",
            }

    run(main())


def test_an_empty_database_gets_what_is_below_the_baseline_too(open: Open, tmp_path: Path) -> None:
    async def main() -> None:
        async with steps(open, tmp_path / "m", baseline=2) as these:
            these.write(_1_a=TASKS, _2_b="INSERT INTO tasks VALUES (2)")
            assert await these.apply() == ["1_a.sql", "2_b.sql"]

    run(main())


def test_programs_that_start_at_once_share_the_work(kept: Open, tmp_path: Path) -> None:
    async def main() -> None:
        programs = [steps(kept, tmp_path / "m") for _ in range(3)]
        async with programs[0] as one, programs[1] as two, programs[2] as three:
            one.write(
                _1_a=TASKS,
                **{f"_{n}_b": f"INSERT INTO tasks VALUES ({n})" for n in range(2, 12)},
            )
            applied = await asyncio.gather(one.apply(), two.apply(), three.apply())
            assert sorted(map(len, applied)) == [0, 0, 11]
            assert await one.count("tasks") == 10

    run(main())


def test_it_may_take_longer_than_a_handlers_transaction(tmp_path: Path) -> None:
    async def main() -> None:
        open = migrating.sqlite(tmp_path / "a.db", transaction_timeout=0.01)
        async with steps(open, tmp_path / "m") as these:
            these.write(
                _1_a="CREATE TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                "FROM n WHERE i < 300000) SELECT sum(i) AS s FROM n"
            )
            assert await these.apply() == ["1_a.sql"]

    run(main())


def test_it_may_take_longer_than_a_handlers_statement_on_the_server(
    postgres: Any, tmp_path: Path
) -> None:
    async def main() -> None:
        limits = {"statement_timeout": 0.05, "transaction_timeout": 0.05}
        async with steps(migrating.postgres(postgres.url, **limits), tmp_path / "m") as these:
            these.write(_1_a="SELECT pg_sleep(0.2)", _2_b="SELECT pg_sleep(0.2)")
            these.write(_3_c="-- runtime: no transaction\nSELECT pg_sleep(0.2)")
            assert len(await these.apply()) == 3

    run(main())
