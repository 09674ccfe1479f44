"""The backlog of a queue, as those see it who look often."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import time

import pytest

from runtime.engines.queue.backlog import MOST, Backlog, measure
from runtime.engines.queue.queue import Queue
from tests.support.clock import FakeClock
from tests.support.consuming import a_queue, run
from tests.support.durable import opened

HOUR = 3600.0
COPIES = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO runtime_message
    (id, queue, state, priority, place, attempt, token, suspect, published, headers, body)
SELECT 'copy-' || i, queue, 1, 0, ?, 0, 0, 0, published, headers, body
FROM n, (SELECT * FROM runtime_message ORDER BY seq LIMIT 1)
"""
"""So many delayed messages, due at that time."""


@asynccontextmanager
async def a_kept(where: str, folder: Path) -> AsyncIterator[Queue]:
    if where == "memory":
        yield a_queue()
    else:
        async with opened(folder) as it:
            yield it.queue


@pytest.mark.parametrize("where", ["memory", "sqlite"])
def test_a_backlog_has_the_numbers_of_the_queue(where: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with a_kept(where, tmp_path) as queue:
            assert await measure(queue) == Backlog(0, 0, 0, 0)
            await queue.publish_many(range(5))
            await queue.publish("urgent", priority=5)
            await queue.publish("later", delay=HOUR)
            subscription = queue.driver_queue.subscribe(0)
            held = [await subscription.receive() for _ in range(2)]
            await subscription.bury(held[0], held[0], None)

            info, backlog = await queue.info(), await measure(queue)

            assert (info.ready, info.delayed, info.in_flight, info.dead) == (4, 1, 1, 1)
            assert (backlog.ready, backlog.delayed, backlog.in_flight, backlog.dead) == (4, 1, 1, 1)
            assert backlog.oldest is not None
            assert not backlog.capped
            await subscription.close()

    run(main)


def test_delayed_messages_are_counted_up_to_a_limit(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as it:
            await it.queue.publish_many(range(3))
            found = []
            for more in (MOST, 2):
                await it.database.execute(COPIES, [more, int((time() + HOUR) * 1e6)])
                await it.database.execute("UPDATE runtime_queue SET length = length + ?", [more])
                found.append(await measure(it.queue))

            whole, capped = found
            assert (whole.ready, whole.delayed, whole.capped) == (3, MOST, False)
            assert (capped.ready, capped.delayed, capped.capped) == (4, MOST, True)

    run(main)


def test_the_oldest_message_counts_whatever_its_priority() -> None:
    async def main() -> None:
        fake = FakeClock()
        queue = a_queue(clock=fake.clock)
        await queue.publish("old", priority=-5)
        await fake.advance(60)
        await queue.publish("new")

        assert (await measure(queue)).oldest == 60

    run(main)


def test_in_a_database_too_the_oldest_counts_and_a_delay_does_not(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as it:
            await it.queue.publish("old", priority=-5)
            await it.queue.publish("new", priority=3)
            await it.queue.publish("later", delay=HOUR)
            ago = int((time() - 60) * 1e6)
            await it.database.execute(
                "UPDATE runtime_message SET place = ? WHERE priority = -5", [ago]
            )
            oldest = (await measure(it.queue)).oldest
            assert oldest is not None
            assert 60 <= oldest < HOUR

    run(main)
