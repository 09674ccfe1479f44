"""The rest of the event loop: after a statement that held it up, the threads do everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.engines.sql.sqlite import loop_access, read_queue
from tests.sql.sqlite import test_turn, test_turn_reads
from tests.sql.sqlite.test_turn import HERE, LONG, places
from tests.support.databases import SLOW, run

pytestmark = pytest.mark.usefixtures("unhurried")
ONE = "SELECT 1 AS n"


@pytest.mark.parametrize(("rest", "place"), [(3600.0, "thread"), (0.0, "loop")])
def test_after_a_change_that_was_broken_off_the_loop_rests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest: float, place: str
) -> None:
    async def main() -> None:
        async with test_turn.watched(tmp_path / "a.db") as db:
            monkeypatch.setattr(loop_access, "REST", rest)
            await db.execute(LONG, ("long",))
            await db.execute(HERE, ("after",))
            assert (await places(db))["after"] == place

    run(main())


@pytest.mark.parametrize(("rest", "handed_over"), [(3600.0, [SLOW, ONE]), (0.0, [SLOW])])
def test_after_a_query_that_was_broken_off_the_loop_rests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest: float, handed_over: list[str]
) -> None:
    async def main() -> None:
        async with test_turn_reads.watched(tmp_path / "a.db", 1) as (db, handed):
            monkeypatch.setattr(read_queue, "REST", rest)
            await db.query(SLOW, (300_000,))
            assert await db.query(ONE) == [{"n": 1}]
            assert handed == handed_over

    run(main())
