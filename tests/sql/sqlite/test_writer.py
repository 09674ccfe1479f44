"""The writer: many statements to a commit, each as if it were alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.sqlite.completion import ThreadFuture
from runtime.engines.sql.sqlite.connection import Settings, open_writer
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection
from runtime.engines.sql.sqlite.result import Result, ResultReader, all_rows, summary
from runtime.engines.sql.sqlite.statement_request import StatementRequest, statement_request
from runtime.engines.sql.sqlite.work_queue import WorkQueue
from runtime.engines.sql.sqlite.writer import GROUP, write
from runtime.engines.sql.sqlite.writer_transaction import WriterTransaction
from runtime.service import Unavailable
from tests.support.databases import ADD, TASKS, names


class Bench:
    """A writer that is run by hand: what is put together is there together."""

    def __init__(self, file: Path) -> None:
        self.file = file
        settings = Settings(
            file=str(file), label="tasks.db", name="app:db", busy_timeout=0.05, file_mode=0o600
        )
        self.managed = ManagedConnection(open_writer, settings, lambda: False)
        self.connection.execute(TASKS)
        self.trace: list[str] = []

    @property
    def connection(self) -> sqlite3.Connection:
        return self.managed.raw

    def write(self, *statements: tuple[Any, ...], read: ResultReader = summary) -> list[Any]:
        """Run statements that wait together; each gives its result or its error."""
        work_queue: WorkQueue[StatementRequest | WriterTransaction] = WorkQueue("tasks.db")
        futures = []
        for text, *parameters in statements:
            futures.append(ThreadFuture())
            work_queue.put(statement_request(read, text, parameters, futures[-1]))
        work_queue.finish()
        self.connection.set_trace_callback(self.trace.append)
        write(self.managed, work_queue)
        self.connection.set_trace_callback(None)
        return [_outcome(future) for future in futures]

    def count(self, word: str) -> int:
        return sum(text.startswith(word) for text in self.trace)


def _outcome(future: ThreadFuture) -> Any:
    try:
        return future.wait()
    except Exception as error:
        return error


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "tasks.db")
    yield bench
    bench.managed.close()


GOOD = [(ADD, f"good {number}") for number in range(20)]
GOOD_NAMES = [name for _, name in GOOD]


def among(*bad: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Bad statements in the middle of good ones."""
    return [*GOOD[:10], *bad, *GOOD[10:]]


def test_statements_that_wait_together_share_one_commit(bench: Bench) -> None:
    results = bench.write(*GOOD)

    assert [Result(1, number) for number in range(1, 21)] == results
    assert names(bench.file) == GOOD_NAMES
    assert bench.count("BEGIN IMMEDIATE") == bench.count("COMMIT") == 1


def test_a_statement_alone_needs_no_transaction(bench: Bench) -> None:
    bench.write(GOOD[0])

    assert bench.count("BEGIN") == 0
    assert names(bench.file) == ["good 0"]


def test_a_group_is_bounded(bench: Bench) -> None:
    bench.write(*[(ADD, str(number)) for number in range(GROUP + 10)])

    assert bench.count("COMMIT") == 2
    assert len(names(bench.file)) == GROUP + 10


def test_failing_statements_leave_the_others_of_their_group_alone(bench: Bench) -> None:
    results = bench.write(
        *among(
            (ADD, "good 3"),
            ("INSRT INTO tasks VALUES (1)",),
            ("INSERT INTO nowhere VALUES (1)",),
            (ADD, None),
            (ADD,),
            (ADD, "too", "many"),
        )
    )

    bad = [type(result) for result in results if not isinstance(result, Result)]
    assert names(bench.file) == GOOD_NAMES
    assert bad == [
        sqlite3.IntegrityError,
        sqlite3.OperationalError,
        sqlite3.OperationalError,
        sqlite3.IntegrityError,
        sqlite3.ProgrammingError,
        sqlite3.ProgrammingError,
    ]


def test_insert_or_rollback_that_conflicts_undoes_only_itself(bench: Bench) -> None:
    bad = ("INSERT OR ROLLBACK INTO tasks (name) VALUES (?)", "good 3")
    results = bench.write(*among(bad))

    assert isinstance(results[10], sqlite3.IntegrityError)
    assert names(bench.file) == GOOD_NAMES


def test_when_a_trigger_rolls_the_group_back_each_is_run_again_alone(bench: Bench) -> None:
    bench.connection.execute(
        "CREATE TRIGGER never BEFORE INSERT ON tasks WHEN new.name = 'bad' "
        "BEGIN SELECT RAISE(ROLLBACK, 'never'); END"
    )
    results = bench.write(*among((ADD, "bad")))

    assert isinstance(results[10], sqlite3.IntegrityError)
    assert [Result(1, number) for number in range(1, 21)] == [*results[:10], *results[11:]]
    assert names(bench.file) == GOOD_NAMES
    assert bench.count("COMMIT") == 0


def test_when_the_commit_fails_only_the_guilty_one_fails(bench: Bench) -> None:
    bench.connection.execute(
        "CREATE TABLE notes (task INTEGER REFERENCES tasks DEFERRABLE INITIALLY DEFERRED)"
    )
    results = bench.write(*among(("INSERT INTO notes VALUES (99)",)))

    assert isinstance(results[10], sqlite3.IntegrityError)
    assert names(bench.file) == GOOD_NAMES
    assert bench.connection.execute("SELECT count(*) FROM notes").fetchone() == (0,)


def test_a_multi_row_insert_that_fails_half_way_keeps_nothing(bench: Bench) -> None:
    bad = ("INSERT INTO tasks (name) VALUES ('a'), ('b'), ('a'), ('c')",)
    results = bench.write(*among(bad))

    assert isinstance(results[10], sqlite3.IntegrityError)
    assert names(bench.file) == GOOD_NAMES


def test_a_returning_that_fails_keeps_nothing(bench: Bench) -> None:
    bad = ("INSERT INTO tasks (name) VALUES ('a'), ('a') RETURNING id",)
    results = bench.write(*among(bad), read=all_rows)

    assert isinstance(results[10], sqlite3.IntegrityError)
    assert names(bench.file) == GOOD_NAMES


def test_vacuum_and_pragma_run_alone_between_two_groups(bench: Bench) -> None:
    results = bench.write(*among(("VACUUM",), ("PRAGMA user_version = 7",)))

    assert Result(0, None) == results[10] == results[11]
    assert names(bench.file) == GOOD_NAMES
    assert bench.connection.execute("PRAGMA user_version").fetchone() == (7,)
    assert bench.count("COMMIT") == 2


def test_a_cancelled_statement_is_not_run(bench: Bench) -> None:
    work_queue: WorkQueue[StatementRequest | WriterTransaction] = WorkQueue("tasks.db")
    kept, gone = ThreadFuture(), Cancelled()
    work_queue.put(statement_request(summary, ADD, ("kept",), kept))
    work_queue.put(statement_request(summary, ADD, ("gone",), gone))
    work_queue.finish()
    write(bench.managed, work_queue)

    assert kept.wait() == Result(1, 1)
    assert names(bench.file) == ["kept"]


class Cancelled(ThreadFuture):
    def cancelled(self) -> bool:
        return True


def test_a_group_that_cannot_begin_fails_as_a_whole(bench: Bench) -> None:
    other = sqlite3.connect(bench.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    results = bench.write(*GOOD)
    other.close()

    locked = "the database was locked by another program for more than 0.05 s"
    assert {type(result) for result in results} == {Unavailable}
    assert {str(result) for result in results} == {f"{locked}; in '{ADD}'"}
    assert len({id(result) for result in results}) == 20
    assert names(bench.file) == []


def test_an_error_names_the_statement_and_never_a_value(bench: Bench) -> None:
    bench.write((ADD, "secret"))
    (error,) = bench.write((f"\n{ADD}\n-- more", "secret"))

    assert str(error) == f"UNIQUE constraint failed: tasks.name; in '{ADD}'"
    assert error.sqlite_errorname == "SQLITE_CONSTRAINT_UNIQUE"
    assert list(iter_frames(error, own="write")) == []


def iter_frames(error: Exception, own: str) -> Iterator[str]:
    """Functions in the traceback, so that no frame holds the values for a logger to show."""
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_name in (own, "attempt"):
            yield traceback.tb_frame.f_code.co_name
        traceback = traceback.tb_next


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("UPDATE tasks SET status = 'x'", Result(20, None)),
        ("DELETE FROM tasks WHERE id <= 5", Result(5, None)),
        ("INSERT OR IGNORE INTO tasks (name) VALUES ('good 1')", Result(0, None)),
        ("INSERT INTO tasks (name) VALUES ('a'), ('b') RETURNING id", Result(2, 22)),
        ("WITH new(n) AS (VALUES ('a'), ('b')) INSERT INTO tasks (name) SELECT n FROM new", 2),
        (";INSERT INTO tasks (name) VALUES ('a')", Result(1, 21)),
        ("CREATE TABLE other (a)", Result(0, None)),
        ("PRAGMA user_version = 3", Result(0, None)),
    ],
)
def test_a_result_counts_rows_and_tells_the_last_key_of_an_insert(
    bench: Bench, text: str, result: Result | int
) -> None:
    bench.write(*GOOD)
    given = bench.write((text,))[0]

    assert result == (given.rows_affected if isinstance(result, int) else given)
