"""runtime.modules.sql, as handlers use it: in the program, on a real file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.support.blackbox import FREE_PORT, execute, running, write_files
from tests.support.program import running as running_program

MANIFEST = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: data/a.db, lifecycle: {auto_start: true}}
  - {name: gateway, kind: http.service, addr: ":0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: ep, kind: http.endpoint, meta: {router: router}, method: POST, path: /do, func: do}
  - {name: do, kind: function.python, source: file://do.py, modules: [sql, http]}
"""
DO = """
from runtime.modules import http, sql

async def main(request):
    db = sql.get("db")
    what = await request.json()
    try:
        return {"result": await WHAT[what](db)}
    except Exception as error:
        raise http.Error(409, f"{type(error).__name__}: {error}")

async def create(db):
    await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, n)")

async def insert(db):
    done = await db.execute("INSERT INTO t (name) VALUES (?)", ["ann"])
    return [done.rows_affected, done.last_insert_id]

async def rows(db):
    return await db.query("SELECT id, name, n FROM t ORDER BY id")

async def one(db):
    return [await db.query_one("SELECT name FROM t"), await db.query_one("SELECT 1 FROM t WHERE 0")]

async def returning(db):
    return await db.query("INSERT INTO t (name) VALUES ('bob') RETURNING id, name")

async def kept(db):
    async with db.transaction() as tx:
        await tx.execute("UPDATE t SET n = 1")
        return await tx.query_one("SELECT sum(n) AS n FROM t")

async def undone(db):
    async with db.transaction() as tx:
        await tx.execute("UPDATE t SET n = 2")
        raise ValueError("no")

async def itself(db):
    async with db.transaction() as tx:
        await tx.execute("UPDATE t SET n = 3")
        await db.execute("UPDATE t SET n = 4")

async def wrong(db):
    return sql.get("router")

async def missing(db):
    return sql.get("bd")

async def built(db):
    return await sql.builder.select("name").from_("t").where({"id": [1]}).run_with(db).query()

WHAT = {name: value for name, value in globals().items() if callable(value)}
"""


def test_what_a_handler_asks_of_a_database(tmp_path: Path) -> None:
    write_files(tmp_path, {"_index.yaml": MANIFEST, "do.py": DO})
    with running(tmp_path, FREE_PORT) as site:

        def do(what: str) -> object:
            reply = site.ask("POST", "/do", body=f'"{what}"')
            return reply.json.get("result", reply.json.get("detail"))

        do("create")
        assert do("insert") == [1, 1]
        assert "IntegrityError: UNIQUE constraint failed: t.name" in str(do("insert"))
        assert do("rows") == [{"id": 1, "name": "ann", "n": None}]
        assert do("one") == [{"name": "ann"}, None]
        assert do("returning") == [{"id": 2, "name": "bob"}]
        assert do("kept") == {"n": 2}
        assert "ValueError: no" in str(do("undone"))
        assert "which would wait for itself" in str(do("itself"))
        assert [row["n"] for row in do("rows")] == [1, 1]  # type: ignore[attr-defined]
        assert "'router' is no database; name an entry of kind db.sql.*" in str(do("wrong"))
        assert "no entry 'app:bd'; did you mean " in str(do("missing"))
        assert do("built") == [{"name": "ann"}]
        assert site.stop() == 0


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    write_files(tmp_path, {"_index.yaml": MANIFEST, "do.py": DO})
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.db").write_text("something else entirely\n" * 50)

    ended = execute("run", str(tmp_path), "--log-format", "console")

    assert ended.code == 4
    assert "'data/a.db' is not an SQLite database; it was left as it is" in ended.err
    assert (tmp_path / "data" / "a.db").read_text().startswith("something else")
    assert "Traceback" not in ended.err


def test_a_database_that_is_locked_is_waited_for(tmp_path: Path) -> None:
    write_files(tmp_path, {"_index.yaml": MANIFEST, "do.py": DO})
    (tmp_path / "data").mkdir()
    holder = sqlite3.connect(tmp_path / "data" / "a.db", isolation_level=None)
    holder.execute("PRAGMA journal_mode = WAL")
    holder.execute("BEGIN IMMEDIATE")
    options = (
        "-o",
        "app:db:busy_timeout=50ms",
        "-o",
        "app:db:lifecycle.restart.initial_delay=50ms",
    )
    with running_program(tmp_path, "-o", FREE_PORT, *options, ready=False) as program:
        program.wait_for("locked by another program")
        holder.execute("ROLLBACK")
        holder.close()

        program.wait_for(lambda line: line["message"].startswith("ready in"))
        assert program.stop() == 0


def test_a_database_that_stays_locked_ends_the_start(tmp_path: Path) -> None:
    write_files(tmp_path, {"_index.yaml": MANIFEST, "do.py": DO})
    (tmp_path / "data").mkdir()
    holder = sqlite3.connect(tmp_path / "data" / "a.db", isolation_level=None)
    holder.execute("PRAGMA journal_mode = WAL")
    holder.execute("BEGIN IMMEDIATE")
    short = (
        "busy_timeout=50ms",
        "lifecycle.start_timeout=500ms",
        "lifecycle.restart.initial_delay=50ms",
    )
    options = [part for change in short for part in ("-o", f"app:db:{change}")]

    ended = execute("run", str(tmp_path), *options, "--log-format", "console")

    holder.close()
    assert ended.code == 4
    assert "app:db could not start: 'data/a.db' is locked by another program" in ended.err
