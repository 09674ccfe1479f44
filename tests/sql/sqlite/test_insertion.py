"""`last_insert_id`: the id of a row that the statement inserted, or None."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.builder import expr, insert
from runtime.engines.sql.sqlite.database import Database
from runtime.engines.sql.sqlite.insertion import MARK
from tests.support.databases import database, run, serving

SCHEMA = [
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, n)",
    "CREATE TABLE users (id INTEGER PRIMARY KEY, mail UNIQUE, n)",
    "CREATE TABLE words (word TEXT PRIMARY KEY, n) WITHOUT ROWID",
    "CREATE TABLE log (id INTEGER PRIMARY KEY, what)",
    "CREATE VIEW people AS SELECT mail FROM users",
    "CREATE TRIGGER log_word AFTER INSERT ON words "
    "BEGIN INSERT INTO log (what) VALUES (new.word); END",
    "CREATE TRIGGER add_person INSTEAD OF INSERT ON people "
    "BEGIN INSERT INTO log (what) VALUES (new.mail); END",
    "CREATE TRIGGER ignore_nobody BEFORE INSERT ON users WHEN new.mail = 'nobody' "
    "BEGIN SELECT RAISE(IGNORE); END",
    "INSERT INTO users (id, mail) VALUES (5, 'ann')",
    "INSERT INTO words VALUES ('ann', 0)",
    "INSERT INTO orders VALUES (777, 0)",  # the last insert, by another handler
]
UPSERT = "ON CONFLICT (mail) DO UPDATE SET n = 1"

INSERTS = [
    ("INSERT INTO users (mail) VALUES ('bob')", 1, 6),
    ("INSERT INTO users (mail) VALUES ('bob'), ('cid')", 2, 7),
    ("INSERT INTO users (id, mail) VALUES (777, 'bob')", 1, 777),
    ("INSERT INTO users (mail) VALUES ('nobody')", 0, None),
    ("INSERT INTO users (mail) SELECT 'bob' WHERE 0", 0, None),
    ("INSERT INTO users (mail) SELECT 'bob' WHERE 1", 1, 6),
    ("INSERT OR IGNORE INTO users (mail) VALUES ('ann')", 0, None),
    ("INSERT OR IGNORE INTO users (mail) VALUES ('bob'), ('ann')", 1, 6),
    ("REPLACE INTO users (mail) VALUES ('ann')", 1, 6),
    ("INSERT INTO users (mail) VALUES ('ann') ON CONFLICT DO NOTHING", 0, None),
    (f"INSERT INTO users (mail) VALUES ('ann') {UPSERT}", 1, None),
    (f"INSERT INTO users (mail) VALUES ('ann') {UPSERT} RETURNING id", 1, None),
    (f"WITH a(m) AS (VALUES ('ann')) INSERT INTO users (mail) SELECT m FROM a WHERE 1 {UPSERT}", 1,
     None),
    (f"WITH a(m) AS (VALUES ('bob')) INSERT INTO users (mail) SELECT m FROM a WHERE 1 {UPSERT}", 1,
     6),
    ("WITH a(m) AS (VALUES ('bob')) INSERT INTO users (mail) SELECT m FROM a WHERE 0", 0, None),
    (f"INSERT INTO users (mail) VALUES ('bob') {UPSERT}", 1, 6),
    (f"INSERT INTO users (id, mail) VALUES (777, 'bob') {UPSERT}", 1, 777),
    (f"INSERT INTO users (mail) VALUES ('bob'), ('ann') {UPSERT}", 2, 6),
    (f"INSERT INTO users (mail) VALUES ('ann') {UPSERT} WHERE 0", 0, None),
    (f"INSERT INTO users (mail, n) VALUES ('ann', last_insert_rowid()) {UPSERT}", 1, None),
    (f"INSERT INTO users (mail, n) VALUES ('bob', last_insert_rowid()) {UPSERT}", 1, 6),
    ("INSERT INTO words VALUES ('bob', 1)", 1, None),
    ("INSERT INTO main.[words] VALUES ('bob', 1)", 1, None),
    ('insert into "Words" values (\'bob\', 1) RETURNING n', 1, None),
    ("REPLACE INTO words VALUES ('ann', 1)", 1, None),
    ("INSERT INTO people VALUES ('bob')", 0, None),
]  # fmt: skip


@pytest.fixture(params=["file", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    return tmp_path / "tasks.db" if request.param == "file" else ":memory:"


@asynccontextmanager
async def filled(place: Path | str) -> AsyncIterator[Database]:
    async with serving(database(place)) as db:
        for text in SCHEMA:
            await db.execute(text)
        yield db


async def last(database: Any) -> int:
    row = await database.query_one("SELECT last_insert_rowid() AS id")
    found: int = row["id"]
    return found


@pytest.mark.parametrize(("text", "rows", "id"), INSERTS)
def test_the_last_id_is_that_of_a_row_which_the_statement_inserted(
    place: Path | str, text: str, rows: int, id: int | None
) -> None:
    async def main() -> None:
        async with filled(place) as db:
            assert await db.execute(text) == (rows, id)
        async with filled(":memory:") as db, db.transaction() as tx:
            await tx.execute("UPDATE orders SET n = 1")
            assert await tx.execute("INSERT INTO orders VALUES (778, 0)") == (1, 778)
            assert await tx.execute(text) == (rows, id)
            # what SQL itself sees of it is as SQLite has it
            assert await last(tx) == (778 if id is None else id)

    run(main())


@pytest.mark.parametrize(
    ("build", "id"),
    [
        (lambda: insert("users").set({"mail": "bob"}), 6),
        (lambda: insert("users").set({"mail": "ann"}).or_ignore(), None),
        (lambda: insert("users").set({"mail": "ann"}).or_replace(), 6),
        (lambda: insert("users").set({"mail": "ann"}).on_conflict_do_nothing("mail"), None),
        (lambda: upsert("ann"), None),
        (lambda: upsert("bob"), 6),
        (lambda: insert("words").set({"word": "bob"}), None),
    ],
)
def test_the_same_through_the_builder(build: Callable[[], Any], id: int | None) -> None:
    async def main() -> None:
        async with filled(":memory:") as db:
            done = await build().run_with(db).execute()
            assert done.last_insert_id == id

    run(main())


def upsert(mail: str) -> Any:
    row = insert("users").set({"mail": mail})
    return row.on_conflict_do_update("mail", set={"n": expr("coalesce(n, 0) + 1")})


def test_a_table_that_is_made_anew_without_rowids_is_noticed(tmp_path: Path) -> None:
    async def main() -> None:
        add = "INSERT INTO t (k) VALUES (?)"
        with_rowids, without = "CREATE TABLE t (k)", "CREATE TABLE t (k PRIMARY KEY) WITHOUT ROWID"
        async with serving(database(tmp_path / "a.db")) as db:
            for create, id in ((with_rowids, 1), (without, None), (with_rowids, 1)):
                await db.execute("DROP TABLE IF EXISTS t")
                await db.execute(create)
                assert (await db.execute(add, ("a",))).last_insert_id == id
            await db.execute("DROP TABLE t")
            await db.execute(without)
            with pytest.raises(ZeroDivisionError):
                async with db.transaction() as tx:
                    await tx.execute("DROP TABLE t")
                    await tx.execute(with_rowids)
                    assert (await tx.execute(add, ("a",))).last_insert_id == 1
                    raise ZeroDivisionError  # which brings the first table back
            assert (await db.execute(add, ("a",))).last_insert_id is None

    run(main())


def test_a_statement_that_fails_leaves_no_mark_behind(place: Path | str) -> None:
    async def main() -> None:
        async with filled(place) as db, db.transaction() as tx:
            await tx.execute("INSERT INTO orders VALUES (778, 0)")
            with pytest.raises(Exception, match="no such column"):
                await tx.execute(f"INSERT INTO users (mail) VALUES ('ann') {UPSERT}, nope = 1")
            with pytest.raises(Exception, match="UNIQUE constraint failed"):
                await tx.execute("INSERT INTO words VALUES ('ann', 1)")
            assert await last(tx) == 778

    run(main())


def test_the_mark_works_after_a_rollback_took_its_table(place: Path | str) -> None:
    async def main() -> None:
        async with filled(place) as db:
            for _ in range(2):
                with pytest.raises(ZeroDivisionError):
                    async with db.transaction() as tx:
                        assert (await upsert("ann").run_with(tx).execute()).last_insert_id is None
                        raise ZeroDivisionError
            assert (await upsert("ann").run_with(db).execute()).last_insert_id is None
            await db.execute("PRAGMA temp_store = 2")  # which drops all temporary tables
            assert (await upsert("ann").run_with(db).execute()).last_insert_id is None
            assert await db.query("SELECT * FROM users WHERE id = ?", (MARK,)) == []

    run(main())
