"""The number of commits, and so of syncs, that tasks of a durable queue need."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runtime.engines.sql.sqlite import deferring_queue
from runtime.telemetry import Telemetry
from tests.support import databases
from tests.support.consuming import SOON, consuming, run
from tests.support.durable import opened
from tests.support.listening import Recorder

TASKS = 200


def test_two_workers_need_one_commit_for_two_tasks_that_write_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a machine that does something else, a turn of the loop may take longer.
    monkeypatch.setattr(deferring_queue, "TURN", SOON)
    monkeypatch.setattr(deferring_queue, "DELAY", 0.1)
    recorder = Recorder()

    async def test() -> None:
        async with opened(tmp_path, synchronous="FULL", telemetry=Telemetry(recorder)) as it:
            finished = asyncio.Event()
            done = 0

            async def handler(body: int) -> None:
                nonlocal done
                await it.database.execute(databases.ADD, [str(body)])
                done += 1
                if done == TASKS:
                    finished.set()

            await asyncio.gather(*(it.queue.publish(number) for number in range(TASKS)))
            recorder.events.clear()
            async with consuming(it.queue, handler, concurrency=2, prefetch=5):
                await finished.wait()

        commits = [event for event in recorder.events if event[0] == "sql.commit"]
        assert len(commits) <= 0.6 * TASKS
        assert databases.names(tmp_path / "a.db") == [str(number) for number in range(TASKS)]

    run(test)
