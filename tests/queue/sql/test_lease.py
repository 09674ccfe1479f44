"""Leases beside a lock that keeps everybody from renewing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from runtime.engines.queue.sql.sqlite import lease as module
from runtime.engines.queue.sql.sqlite.lease import Lease
from runtime.engines.queue.sql.sqlite.liveness import clock

LEASE, HEARTBEAT = 10.0, 3.0


class Times:
    """The machine's clock, which a test sets forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        monkeypatch.setattr(module, "clock", lambda: clock() + self.ahead)


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> Times:
    return Times(monkeypatch)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


class Bench:
    """Two programs on a file, each with a lease and a connection; nobody renews by itself."""

    def __init__(self, file: Path) -> None:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(file, timeout=0, isolation_level=None)

        def lease() -> Lease:
            made = Lease(connect, "a.db", ["q"], "", LEASE, HEARTBEAT, lambda report: None)
            made.open()
            return made

        self.first, self.second = lease(), lease()
        self.connection = connect()

    def owners(self) -> set[int]:
        return {id for (id,) in self.connection.execute("SELECT id FROM runtime_owner")}


def test_a_lease_that_ran_out_behind_a_lock_is_left_until_it_could_be_renewed(
    tmp_path: Path, times: Times
) -> None:
    bench = Bench(tmp_path / "a.db")
    everybody = bench.owners()
    times.ahead += LEASE + 1
    with locked(tmp_path / "a.db"):
        bench.second._rescue(bench.connection)
    bench.second._renew(bench.connection)
    bench.second._rescue(bench.connection)

    assert bench.owners() == everybody
    assert bench.first._renew(bench.connection), "the lease was lost"


def test_a_program_that_waited_for_the_lock_itself_leaves_the_others_time(
    tmp_path: Path, times: Times
) -> None:
    bench = Bench(tmp_path / "a.db")
    everybody = bench.owners()
    with bench.second._grace_after_lock():  # what a heartbeat does
        times.ahead += LEASE + 1
        bench.second._renew(bench.connection)
    bench.second._rescue(bench.connection)

    assert bench.owners() == everybody


def test_a_lease_that_is_not_renewed_afterwards_ends(tmp_path: Path, times: Times) -> None:
    bench = Bench(tmp_path / "a.db")
    times.ahead += LEASE + 1
    with locked(tmp_path / "a.db"):
        bench.second._rescue(bench.connection)
    times.ahead += HEARTBEAT + module.CHECK_INTERVAL + 1
    bench.second._renew(bench.connection)
    bench.second._rescue(bench.connection)

    assert bench.owners() == {bench.second._owner}
    assert not bench.first._renew(bench.connection)
