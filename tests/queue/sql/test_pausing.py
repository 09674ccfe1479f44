"""A pause, as one program has left it and another one tells it."""

from __future__ import annotations

from pathlib import Path

from tests.support import databases
from tests.support.consuming import Running, run
from tests.support.implementations import sql_driver


def test_another_program_tells_of_a_pause_before_it_has_looked_for_one(tmp_path: Path) -> None:
    async def main() -> None:
        async with databases.tasks(tmp_path / "a.db") as database:
            drivers = [sql_driver(database), sql_driver(database)]
            here, there = (each.declare("q", {"sql": {"max_length": 10}}) for each in drivers)
            services = [Running(each) for each in drivers]
            for service in services:
                await service.ready.wait()

            for paused in (True, False):
                await here.pause(paused)
                told = [await there.info(), await there.backlog()]
                assert [each.paused for each in told] == [paused, paused]

            for service in services:
                await service.end()

    run(main)
