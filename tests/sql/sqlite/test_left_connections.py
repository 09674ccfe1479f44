"""No connection is left to the garbage collector, of which Python 3.13 warns."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.sqlite import connection as module
from runtime.engines.sql.sqlite import engine, managed_connection
from tests.support.databases import database, run, serving


class Opened:
    """All connections that are opened through `sqlite3`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._connections: list[sqlite3.Connection] = []
        self._connect = sqlite3.connect
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        monkeypatch.setattr(sqlite3, "connect", self._record)

    def _record(self, *arguments: Any, **options: Any) -> sqlite3.Connection:
        self.before()
        made = self._connect(*arguments, **options)
        self._connections.append(made)
        self.after()
        return made

    @property
    def count(self) -> int:
        return len(self._connections)

    @property
    def left(self) -> int:
        """The number of those that are open."""
        return sum(map(_is_open, self._connections))


def _is_open(connection: sqlite3.Connection) -> bool:
    try:
        return connection.total_changes >= 0
    except sqlite3.ProgrammingError:
        return False


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    return Opened(monkeypatch)


def test_a_database_that_has_stopped_left_none(tmp_path: Path, opened: Opened) -> None:
    async def main() -> None:
        async with serving(database(tmp_path / "a.db")) as db:
            await db.query("SELECT 1")

            assert opened.left == opened.count == 4

    run(main())

    assert opened.left == 0


def test_a_connection_whose_folder_is_deleted_as_it_opens_is_closed(
    tmp_path: Path, opened: Opened
) -> None:
    async def main() -> None:
        async with serving(database(tmp_path / "folder" / "a.db")) as db:
            count = opened.count
            opened.after = lambda: shutil.rmtree(tmp_path / "folder")
            with pytest.raises(sqlite3.OperationalError):
                db.connect()

            assert opened.count == count + 1
            assert opened.left == count

    run(main())


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_database_cancelled_while_it_opens_leaves_none(
    tmp_path: Path, opened: Opened, number: int
) -> None:
    """The thread has opened one by the time that nobody waits for it."""
    opening, go_on = threading.Event(), threading.Event()

    def wait_at_the_last() -> None:
        if opened.count == number - 1:
            opening.set()
            go_on.wait(10)

    opened.before = wait_at_the_last

    async def main() -> None:
        db = database(tmp_path / "a.db")
        service = asyncio.create_task(db.run(lambda where="": None, asyncio.Event()))
        await asyncio.to_thread(opening.wait, 10)
        threads = [thread for thread in threading.enumerate() if _opens(thread)]
        service.cancel()
        with pytest.raises(asyncio.CancelledError):
            await service
        go_on.set()
        for thread in threads:
            await asyncio.to_thread(thread.join, 10)

        assert opened.count == number
        assert opened.left == 0

    run(main())


def _opens(thread: threading.Thread) -> bool:
    return thread.name == "open reader" or thread.name.startswith("sqlite ")


@pytest.mark.parametrize("part", [module.file, managed_connection])
def test_a_file_that_cannot_be_looked_at_once_it_is_open_leaves_none(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch, part: Any
) -> None:
    def refuse(found: object) -> None:
        if opened.left:
            raise PermissionError("no")

    async def main() -> None:
        monkeypatch.setattr(part, "identity", refuse)
        with pytest.raises(PermissionError):
            async with serving(database(tmp_path / "a.db")):
                pass

    run(main())

    assert opened.count == 1
    assert opened.left == 0


def test_the_loops_connection_is_closed_if_it_cannot_be_used(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def use(self: object, connection: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    async def main() -> None:
        monkeypatch.setattr(engine.ReadQueue, "use", use)
        with pytest.raises(sqlite3.OperationalError):
            async with serving(database(tmp_path / "a.db")):
                pass

    run(main())

    assert opened.count == 4
    assert opened.left == 0
