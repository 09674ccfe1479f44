"""The turn of the event loop: small statements are run at its end, and nothing that could wait."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.contract import Uncertain
from runtime.engines.sql.sqlite.database import Database
from runtime.service import Unavailable
from runtime.telemetry import Telemetry
from tests.sql.sqlite.test_disk_errors import failing_disk
from tests.sql.sqlite.test_tracing import Recorder
from tests.support.databases import ADD, integrity, names, run, tasks

LOOP = threading.get_ident()
HERE = "INSERT INTO tasks (name, status) VALUES (?, here())"
LONG = (
    "INSERT INTO tasks (name, status) WITH RECURSIVE n(i) AS "
    "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT ?, here() || count(*) FROM n"
)


pytestmark = pytest.mark.usefixtures("unhurried")


@asynccontextmanager
async def watched(file: Path, **options: Any) -> AsyncIterator[Database]:
    """A database whose statements may ask `here()`, if the event loop runs them."""
    async with tasks(file, **options) as db:
        engine = db._engine
        assert engine is not None
        writer = engine._writer._connection
        assert writer is not None
        writer.raw.create_function("here", 0, _here)
        await db.execute(ADD, ("the first, in the thread",))  # which looks at the table
        await db.execute("DELETE FROM tasks")
        yield db


def _here() -> str:
    return "loop" if threading.get_ident() == LOOP else "thread"


async def places(db: Database) -> dict[str, str]:
    """Where each task was inserted."""
    rows = await db.query("SELECT name, status FROM tasks ORDER BY id")
    return {row["name"]: row["status"] for row in rows}


def test_what_the_tasks_of_a_turn_write_is_one_commit_on_the_loop(tmp_path: Path) -> None:
    recorder = Recorder()

    def work(connection: sqlite3.Connection, items: Any) -> list[str]:
        connection.executemany(HERE, [(item,) for item in items])
        return [f"{item} of {len(items)}" for item in items]

    async def main() -> None:
        async with watched(tmp_path / "a.db", telemetry=Telemetry(recorder)) as db:

            async def batch(item: str) -> Any:
                return await db.batch(work, item)

            recorder.clear()
            calls: list[Any] = [db.execute(HERE, (name,)) for name in "abc"]
            *results, d, e = await asyncio.gather(*calls, batch("d"), batch("e"))

            assert [result.last_insert_id for result in results] == [1, 2, 3]
            assert (d, e) == ("d of 2", "e of 2")
            assert recorder.commits == [5]
            assert await places(db) == dict.fromkeys("abcde", "loop")

    run(main())


@pytest.mark.parametrize(
    "pragmas", [{"synchronous": "FULL"}, {"synchronous": "EXTRA"}, {"journal_mode": "DELETE"}]
)
def test_a_commit_that_waits_for_the_disk_is_the_thread_s(
    tmp_path: Path, pragmas: dict[str, str]
) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db", **pragmas) as db:
            for name in "abc":
                await db.execute(HERE, (name,))
            assert await places(db) == dict.fromkeys("abc", "thread")

    run(main())


@pytest.mark.parametrize("text", ["PRAGMA synchronous = FULL", "ATTACH ? AS other"])
def test_what_makes_commits_wait_later_on_is_noticed(tmp_path: Path, text: str) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db") as db:
            await db.execute(HERE, ("before",))
            await db.execute(text, (str(tmp_path / "b.db"),) * text.count("?"))
            await db.execute(HERE, ("after",))
            assert await places(db) == {"before": "loop", "after": "thread"}

    run(main())


def test_what_a_transaction_attaches_is_noticed(tmp_path: Path) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db") as db:
            async with db.transaction() as tx:
                await tx.execute("ATTACH ? AS other", (str(tmp_path / "b.db"),))
            await db.execute(HERE, ("after",))
            assert await places(db) == {"after": "thread"}

    run(main())


def test_a_long_statement_is_broken_off_and_later_ones_of_its_text_are_the_thread_s(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db") as db:
            calls = [db.execute(HERE, ("a",)), db.execute(LONG, ("b",)), db.execute(HERE, ("c",))]
            await asyncio.gather(*calls)
            found = await places(db)
            assert [*found] == ["a", "b", "c"]
            assert found == {"a": "thread", "b": "thread300000", "c": "thread"}
            for name in ("d", "e"):
                await db.execute(LONG, (name,))
            slow = db._engine.write_queue._slow  # type: ignore[union-attr]
            assert slow.is_slow(LONG)
            assert not slow.is_slow(HERE)

    run(main())


def test_large_values_and_many_rows_are_the_thread_s(tmp_path: Path) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db") as db:
            await db.execute(HERE, ("x" * 20_000,))
            await db.execute(HERE, (b"x" * 20_000,))
            await db.executemany(HERE, [("a",), ("b",)])
            assert {*(await places(db)).values()} == {"thread"}

    run(main())


def test_a_statement_that_is_cancelled_before_the_turn_ends_is_not_run(tmp_path: Path) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db") as db:
            call = asyncio.ensure_future(db.execute(HERE, ("gone",)))
            kept = asyncio.ensure_future(db.execute(HERE, ("kept",)))
            await asyncio.sleep(0)
            call.cancel()
            await kept
            assert call.cancelled()
            assert await places(db) == {"kept": "loop"}

    run(main())


def test_a_failing_statement_leaves_the_others_of_its_turn_alone(tmp_path: Path) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db") as db:
            texts = ["a", "b", "a", "c"]
            calls = [db.execute(HERE, (name,)) for name in texts]
            results = await asyncio.gather(*calls, return_exceptions=True)
            (alone,) = await asyncio.gather(db.execute(HERE, ("a",)), return_exceptions=True)

            told = f"UNIQUE constraint failed: tasks.name; in '{HERE}'"
            assert (str(results[2]), str(alone)) == (told, told)
            assert await places(db) == dict.fromkeys("abc", "loop")

    run(main())


def test_when_a_trigger_rolls_the_turn_back_each_is_run_again_alone(tmp_path: Path) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db") as db:
            await db.execute(
                "CREATE TRIGGER never BEFORE INSERT ON tasks WHEN new.name = 'bad' "
                "BEGIN SELECT RAISE(ROLLBACK, 'never'); END"
            )
            await db.execute(ADD, ("looked at again",))
            calls = [db.execute(HERE, (name,)) for name in ("a", "bad", "b")]
            results = await asyncio.gather(*calls, return_exceptions=True)

            assert isinstance(results[1], sqlite3.IntegrityError)
            assert {**(await places(db)), "looked at again": ""} == {
                "looked at again": "", "a": "thread", "b": "thread"
            }  # fmt: skip

    run(main())


def test_a_commit_of_the_loop_that_the_disk_fails_is_uncertain(tmp_path: Path) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db") as db:
            await db.execute("CREATE TEMP TABLE of_this_connection (n)")
            done, error = [], None
            with failing_disk():
                for number in range(1000):
                    try:
                        await db.execute(HERE, (f"{number} {'x' * 1000}",))
                    except Uncertain as failure:
                        error = failure
                        break
                    done.append(number)
            assert error is not None
            assert str(error).startswith("the disk failed (disk I/O error); the change may or may")
            assert done
            await db.execute(ADD, ("after",))
            with pytest.raises(sqlite3.OperationalError, match="no such table"):
                await db.execute("INSERT INTO of_this_connection VALUES (1)")
        assert len(names(tmp_path / "a.db")) == len(done) + 1

    run(main())

    assert integrity(tmp_path / "a.db") == [("ok",)]


def test_while_the_connection_cannot_be_opened_anew_the_thread_says_so(tmp_path: Path) -> None:
    def cannot(settings: object) -> sqlite3.Connection:
        raise Unavailable("not yet")

    async def main() -> None:
        async with watched(tmp_path / "a.db") as db:
            await db.execute(HERE, ("before",))
            connection = db._engine._writer._connection  # type: ignore[union-attr]
            assert connection is not None
            connection._open_connection, reopen = cannot, connection._open_connection
            connection.failure = sqlite3.OperationalError("of the disk")
            await asyncio.gather(db.execute("PRAGMA user_version"), return_exceptions=True)
            for _ in range(2):
                with pytest.raises(Unavailable, match="not yet"):
                    await db.execute(ADD, ("in vain",))
            connection._open_connection = reopen
            for name in ("a", "b"):
                await db.execute(ADD, (name,))
        assert names(tmp_path / "a.db") == ["before", "a", "b"]

    run(main())


def test_a_lock_hands_the_turn_to_the_thread_which_waits(tmp_path: Path) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db") as db:
            with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                calls = [asyncio.ensure_future(db.execute(HERE, (name,))) for name in "ab"]
                for _ in range(10):
                    await asyncio.sleep(0)
                assert not any(call.done() for call in calls)
            await asyncio.gather(*calls)
            await db.execute(HERE, ("c",))
            assert await places(db) == {"a": "thread", "b": "thread", "c": "loop"}

    run(main())


def test_the_loop_never_does_a_checkpoint_and_the_thread_does(tmp_path: Path) -> None:
    async def main() -> None:
        file, grown = tmp_path / "a.db", 0
        async with watched(file, telemetry=Telemetry(Recorder())) as db:
            raw = db._engine._writer._connection.raw  # type: ignore[union-attr]
            for number in range(3000):
                size = file.stat().st_size
                result = await db.query_one(
                    "INSERT INTO tasks (name, status) VALUES (?, here()) RETURNING status",
                    (f"{number} {'x' * 1000}",),
                )
                grown += file.stat().st_size != size
                if result == {"status": "loop"}:
                    assert file.stat().st_size == size
                    assert raw.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
            assert grown
            assert await db.query("PRAGMA wal_autocheckpoint") == [{"wal_autocheckpoint": 1000}]
            assert (tmp_path / "a.db-wal").stat().st_size < 16 * 2**20

    run(main())
