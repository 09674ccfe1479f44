"""The turn of the event loop keeps the order of what is written, whoever writes it."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.sqlite import loop_access, write_queue
from tests.support.databases import ADD, names, run, tasks


def test_what_was_asked_for_earlier_is_done_earlier(tmp_path: Path) -> None:
    async def main() -> None:
        async with tasks(tmp_path / "a.db") as db:
            await db.execute(ADD, ("0",))  # the thread looks at the table
            calls = [asyncio.ensure_future(db.execute(ADD, (name,))) for name in ("a", "b")]
            await asyncio.sleep(0)  # both are gathered now
            blocking = asyncio.to_thread(db.blocking.execute, ADD, ("c",))
            async with db.transaction() as tx:
                await tx.execute(ADD, ("d",))
                calls.append(asyncio.ensure_future(blocking))
            await asyncio.gather(*calls)
        assert names(tmp_path / "a.db")[:3] == ["0", "a", "b"]

    run(main())


@pytest.mark.parametrize("seed", range(5))
def test_broken_off_anywhere_everything_is_done_once_and_in_order(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(loop_access, "INSTRUCTIONS", 1)
    monkeypatch.setattr(write_queue, "MOST", 3)
    monkeypatch.setattr(
        loop_access.LoopAccess,
        "_is_late",
        lambda self: self.deadline < 9e9 and chance.random() < 0.01,
    )

    def work(connection: sqlite3.Connection, items: Any) -> list[None]:
        connection.executemany(ADD, [(item,) for item in items])
        return [None for _ in items]

    async def main() -> None:
        async with tasks(tmp_path / "a.db") as db:

            async def worker(me: int) -> None:
                for number in range(60):
                    name = f"{me} {number}"
                    match chance.randrange(8):
                        case 0:
                            async with db.transaction() as tx:
                                await tx.execute(ADD, (name,))
                        case 1:
                            await asyncio.to_thread(db.blocking.execute, ADD, (name,))
                        case 2:
                            await db.executemany(ADD, [(name,)])
                        case 3:
                            await db.batch(work, name)
                        case _:
                            await db.execute(ADD, (name,))

            await asyncio.gather(*(worker(number) for number in range(6)))
        found = [tuple(map(int, name.split())) for name in names(tmp_path / "a.db")]
        assert sorted(found) == [(me, number) for me in range(6) for number in range(60)]
        for me in range(6):
            assert [number for who, number in found if who == me] == [*range(60)]

    run(main())
