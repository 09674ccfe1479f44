"""A consumer's last poll: for how long its queue has owed it an answer."""

from __future__ import annotations

from pathlib import Path

from runtime.engines.queue.consumer import Consumer
from tests.support.consuming import Function, Running, a_queue, run, until
from tests.support.durable import opened


async def nothing(body: object) -> None:
    pass


def test_a_consumer_that_waits_on_an_empty_queue_polls(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as it:
            consumer = Consumer(it.queue, Function(nothing), concurrency=2, prefetch=10)
            assert consumer.last_poll is None
            running = Running(consumer)
            await running.ready.wait()
            await until(lambda: consumer.last_poll == 0.0)

            await running.end()
            assert consumer.last_poll is None

    run(main)


def test_a_queue_that_does_not_answer_is_noticed_and_so_is_its_answer(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as it:
            consumer = Consumer(it.queue, Function(nothing), concurrency=1, prefetch=10)
            async with it.stalled():
                running = Running(consumer)
                await until(lambda: (consumer.last_poll or 0.0) > 0.05)
                seen = consumer.last_poll
                await until(lambda: (consumer.last_poll or 0.0) > (seen or 0.0))
            await until(lambda: consumer.last_poll == 0.0)
            await running.end()

    run(main)


def test_a_consumer_on_a_queue_in_memory_is_always_answered() -> None:
    async def main() -> None:
        consumer = Consumer(a_queue(), Function(nothing), concurrency=1, prefetch=1)
        running = Running(consumer)
        await running.ready.wait()
        assert consumer.last_poll == 0.0
        await running.end()

    run(main)
