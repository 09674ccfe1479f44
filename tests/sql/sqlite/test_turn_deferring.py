"""What the loop writes: items that nobody waits for, with the next that somebody does."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.sqlite import write_queue
from runtime.engines.sql.sqlite.batch import BatchItem
from runtime.telemetry import Telemetry
from tests.sql.sqlite.test_tracing import Recorder
from tests.sql.sqlite.test_turn import HERE, places, watched
from tests.support.databases import run

pytestmark = pytest.mark.usefixtures("unhurried")


def add(connection: sqlite3.Connection, names: Sequence[str]) -> Sequence[Any]:
    connection.executemany(HERE, [(name,) for name in names])
    return names


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time ends the delay."""
    monkeypatch.setattr(write_queue, "DELAY", 3600)


def test_it_rides_with_the_next_item_of_a_batch_and_before_it(tmp_path: Path, never: None) -> None:
    recorder = Recorder()

    async def main() -> None:
        async with watched(tmp_path / "a.db", telemetry=Telemetry(recorder)) as db:
            recorder.clear()
            deferred = [db.batch_lazily(add, name) for name in "ab"]
            await db.execute(HERE, ("a statement",))
            assert not any(future.done() for future in deferred)
            await asyncio.gather(*deferred, db.batch(add, "c"))
            assert recorder.commits == [1, 3]
            assert [*await places(db)] == ["a statement", "a", "b", "c"]
            assert set((await places(db)).values()) == {"loop"}

    run(main())


def test_many_of_them_are_a_group(
    tmp_path: Path, never: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_queue, "MANY", 3)

    async def main() -> None:
        async with watched(tmp_path / "a.db") as db:
            deferred = [db.batch_lazily(add, name) for name in "abcd"]
            assert await asyncio.gather(*deferred[:3]) == ["a", "b", "c"]
            assert not deferred[3].done()

    run(main())


def test_it_is_written_once_somebody_waits_for_it(tmp_path: Path, never: None) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db") as db:
            deferred = db.batch_lazily(add, "a")
            db.hurry()
            assert await deferred == "a"
            db.hurry()  # for nothing

    run(main())


def test_it_is_written_after_a_while(tmp_path: Path) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db") as db:
            assert await db.batch_lazily(add, "a") == "a"
            assert await db.batch_lazily(add, "b") == "b"

    run(main())


def test_it_is_done_before_what_the_thread_is_given_after_it(tmp_path: Path, never: None) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db") as db:
            deferred = db.batch_lazily(add, "a")
            async with db.transaction() as tx:
                assert await tx.query("SELECT name FROM tasks") == [{"name": "a"}]
            assert await deferred == "a"

    run(main())


class Deferred(deque[BatchItem]):
    """To which the loop adds one more, `late`, while another thread empties it."""

    late: BatchItem | None = None

    def popleft(self) -> BatchItem:
        item = super().popleft()
        self._add()
        return item

    def clear(self) -> None:
        self._add()
        super().clear()

    def _add(self) -> None:
        late, self.late = self.late, None
        if late is not None:
            self.append(late)


def test_none_is_lost_that_is_deferred_while_a_thread_hands_the_others_over(
    tmp_path: Path, never: None
) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db") as db:
            queue: Any = db._engine.write_queue  # type: ignore[union-attr]
            queue._deferred = deferred = Deferred()
            early, late = db.batch_lazily(add, "a"), asyncio.Future[Any]()
            deferred.late = BatchItem(add, "b", late)
            await asyncio.to_thread(db.blocking.executemany, HERE, [("c",)])
            assert await asyncio.gather(early, late) == ["a", "b"]

    run(main())
