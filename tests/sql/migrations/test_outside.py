"""Migrations that need more than a plain transaction: none at all, or one without foreign keys."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from runtime.service import StartError, Unavailable
from tests.support import migrating
from tests.support.databases import run
from tests.support.migrating import Steps, steps
from tests.support.postgres_schema import PostgresSchema

PARENTS = """
CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent ON DELETE CASCADE);
INSERT INTO parent VALUES (1, 'a');
INSERT INTO child VALUES (1, 1);
"""
REBUILD = """
CREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO new SELECT id, name FROM parent;
DROP TABLE parent;
ALTER TABLE new RENAME TO parent;
"""
OFF = "-- runtime: foreign_keys off\n"
OUTSIDE = "-- runtime: no transaction\n"


@pytest.mark.parametrize(("head", "children"), [(OFF, 1), ("", 0)])
def test_a_table_is_rebuilt_without_losing_what_refers_to_it(
    tmp_path: Path, head: str, children: int
) -> None:
    async def main() -> None:
        async with steps(migrating.sqlite(tmp_path / "a.db"), tmp_path / "m") as these:
            these.write(_1_a=PARENTS, _2_b=head + REBUILD)
            await these.apply()
            assert await these.count("child") == children
            # and they are enforced again
            with pytest.raises(Exception, match="FOREIGN KEY"):
                await these.database.execute("INSERT INTO child VALUES (9, 9)")

    run(main())


def test_a_rebuild_that_leaves_broken_references_is_undone(tmp_path: Path) -> None:
    async def main() -> None:
        async with steps(migrating.sqlite(tmp_path / "a.db"), tmp_path / "m") as these:
            these.write(_1_a=PARENTS, _2_b=OFF + "DELETE FROM parent")
            with pytest.raises(StartError, match="'child' to 'parent'"):
                await these.apply()
            assert await these.count("parent") == 1

    run(main())


def test_the_pragma_in_a_file_is_answered_with_its_mend(tmp_path: Path) -> None:
    async def main() -> None:
        async with steps(migrating.sqlite(tmp_path / "a.db"), tmp_path / "m") as these:
            these.write(_1_a="PRAGMA foreign_keys = OFF;\n" + PARENTS)
            with pytest.raises(StartError, match=r"1_a\.sql:1: .*-- runtime: foreign_keys off"):
                await these.apply()
            these.write(_1_a="VACUUM")
            with pytest.raises(StartError, match=r"1_a\.sql:1: .*-- runtime: no transaction"):
                await these.apply()
            these.write(_1_a=OUTSIDE + "VACUUM")
            assert await these.apply() == ["1_a.sql"]

    run(main())


CONCURRENTLY = """
DROP INDEX CONCURRENTLY IF EXISTS by_name;
CREATE INDEX CONCURRENTLY by_name ON parent (name);
"""


def test_an_index_is_made_concurrently_while_another_program_waits(
    postgres: PostgresSchema, tmp_path: Path
) -> None:
    """A program that waited inside a statement would have the snapshot that the index waits for."""

    async def main() -> None:
        open = migrating.postgres(postgres.url)
        async with steps(open, tmp_path / "m") as one, steps(open, tmp_path / "m") as two:
            one.write(_1_a=PARENTS, _2_b=OUTSIDE + CONCURRENTLY)
            applied = await asyncio.gather(one.apply(), two.apply())
            assert sorted(map(len, applied)) == [0, 2]

    run(main())


def test_it_is_refused_inside_a_transaction_with_its_mend(
    postgres: PostgresSchema, tmp_path: Path
) -> None:
    async def main() -> None:
        async with steps(migrating.postgres(postgres.url), tmp_path / "m") as these:
            these.write(_1_a=PARENTS, _2_b="--\n" + CONCURRENTLY.lstrip())
            with pytest.raises(StartError, match=r"2_b\.sql:2: .*-- runtime: no transaction"):
                await these.apply()

    run(main())


def test_what_failed_outside_of_a_transaction_is_run_again(
    postgres: PostgresSchema, tmp_path: Path
) -> None:
    async def main() -> None:
        async with steps(migrating.postgres(postgres.url), tmp_path / "m") as these:
            these.write(_1_a=PARENTS, _2_b=OUTSIDE + CONCURRENTLY + "SELECT 1/0")
            with pytest.raises(StartError, match=r"2_b\.sql:5: division by zero.*stays"):
                await these.apply()
            these.write(_2_b=OUTSIDE + CONCURRENTLY)
            assert await these.apply() == ["2_b.sql"]

    run(main())


def test_a_lock_of_another_session_is_waited_for_and_then_unavailable(
    postgres: PostgresSchema, tmp_path: Path
) -> None:
    async def main() -> None:
        async with steps(
            migrating.postgres(postgres.url, lock_timeout=0.1), tmp_path / "m"
        ) as these:
            these.write(_1_a=PARENTS)
            await these.apply()
            these.write(_2_b="ALTER TABLE parent ADD COLUMN more TEXT")
            await _while_locked(postgres, these)
            assert await these.apply() == ["2_b.sql"]

    run(main())


async def _while_locked(postgres: PostgresSchema, these: Steps) -> Any:
    with postgres.connect() as connection, connection.transaction():
        connection.execute("SELECT * FROM parent")
        with pytest.raises(Unavailable, match=r"2_b\.sql:1: .*lock timeout"):
            await these.apply()
