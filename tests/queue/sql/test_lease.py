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


class TwoPrograms:
    """Two programs on a file, each with a lease; neither renews by itself."""

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

    def close(self) -> None:
        self.connection.close()

    def owners(self) -> set[int]:
        return {id for (id,) in self.connection.execute("SELECT id FROM runtime_owner")}


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[TwoPrograms]:
    with closing(TwoPrograms(tmp_path / "a.db")) as programs:
        yield programs


def test_a_lease_that_expired_behind_a_lock_is_left_until_it_could_be_renewed(
    tmp_path: Path, times: Times, programs: TwoPrograms
) -> None:
    everybody = programs.owners()
    times.ahead += LEASE + 1
    with locked(tmp_path / "a.db"):
        programs.second._rescue(programs.connection)
    programs.second._renew(programs.connection)
    programs.second._rescue(programs.connection)

    assert programs.owners() == everybody
    assert programs.first._renew(programs.connection), "the lease was ended"


def test_a_program_that_waited_for_the_lock_itself_leaves_the_others_time(
    tmp_path: Path, times: Times, programs: TwoPrograms
) -> None:
    everybody = programs.owners()
    with programs.second._grace_after_lock():  # as a heartbeat does
        times.ahead += LEASE + 1
        programs.second._renew(programs.connection)
    programs.second._rescue(programs.connection)

    assert programs.owners() == everybody


def test_a_lease_that_is_not_renewed_afterwards_ends(
    tmp_path: Path, times: Times, programs: TwoPrograms
) -> None:
    times.ahead += LEASE + 1
    with locked(tmp_path / "a.db"):
        programs.second._rescue(programs.connection)
    times.ahead += HEARTBEAT + module.CHECK_INTERVAL + 1
    programs.second._renew(programs.connection)
    programs.second._rescue(programs.connection)

    assert programs.owners() == {programs.second._owner}
    assert not programs.first._renew(programs.connection)


def test_a_lease_by_another_clock_ends_once_it_was_seen_not_renewed_for_its_time(
    tmp_path: Path, times: Times, programs: TwoPrograms
) -> None:
    everybody = programs.owners()
    container = "UPDATE runtime_owner SET machine = 'another', process = '', expires = ?"
    of_first = f" WHERE id = {programs.first._owner}"
    programs.connection.execute(container + of_first, (-5.0,))

    def watch(seconds: float) -> set[int]:
        times.ahead += seconds
        programs.second._renew(programs.connection)
        programs.second._rescue(programs.connection)
        return programs.owners()

    assert watch(0) == everybody, "its time has passed only by our clock"
    assert watch(LEASE) == everybody
    programs.connection.execute(container + of_first, (-4.0,))  # a heartbeat of its own
    assert watch(HEARTBEAT) == everybody
    assert watch(LEASE) == everybody
    assert watch(LEASE) == {programs.second._owner}
