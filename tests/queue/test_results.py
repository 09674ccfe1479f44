"""Results that a queue keeps, on every driver: of what a handler returns, and of its `ack`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runtime.engines.queue.batch import Batching
from runtime.engines.queue.status import Progress
from runtime.engines.queue.tracked_queue import LONGEST_RESULT
from runtime.modules import queue as module
from runtime.modules.sync import queue as blocking_module
from tests.support.consuming import consuming, run
from tests.support.tracking import becomes, each_driver, opened
from tests.support.transactions import consuming_in_transactions


@each_driver
def test_a_result_that_cannot_be_kept_is_told_and_the_task_is_done(
    driver: str, caplog: pytest.LogCaptureFixture
) -> None:
    ids: list[str] = []

    async def test() -> None:
        async with opened(driver) as (queue, _):

            async def handler(body: Any) -> Any:
                return object() if body == 1 else "x" * LONGEST_RESULT

            ids.extend([await queue.publish(body) for body in (1, 2)])
            async with consuming(queue, handler):
                ends = [await becomes(queue, id, "done") for id in ids]

            assert [end.result for end in ends] == [None, None]

    run(test)
    told = [line for line in caplog.records if "not kept" in line.getMessage()]
    assert [line.__dict__["message_id"] for line in told] == ids
    assert "65,538 bytes" in told[1].getMessage()


@each_driver
def test_a_result_is_kept_as_soon_as_the_queue_has_a_retention(driver: str) -> None:
    async def test() -> None:
        async with opened(driver) as (queue, _):
            queue.tracked.retention = None

            async def handler(body: Any) -> Any:
                return body

            async with consuming(queue, handler):
                queue.tracked.retention = 3600.0  # as a reload sets it
                id = await queue.publish("kept")
                assert (await becomes(queue, id, "done")).result == "kept"

    run(test)


@each_driver
def test_an_ack_of_the_handler_may_have_the_result(driver: str) -> None:
    async def test() -> None:
        async with opened(driver) as (queue, _):

            async def handler(body: Any) -> str:
                await module.message().ack({"body": body})
                return "too late"

            def plain(body: Any) -> None:
                blocking_module.message().ack([body])

            for each, result in ((handler, {"body": 1}), (plain, [1])):
                id = await queue.publish(1)
                async with consuming(queue, each):
                    assert (await becomes(queue, id, "done")).result == result

    run(test)


@each_driver
def test_each_message_of_a_batch_may_have_a_result_of_its_own(driver: str) -> None:
    async def test() -> None:
        async with opened(driver) as (queue, _):

            async def handler(bodies: list[int]) -> str:
                for message, body in zip(module.messages(), bodies, strict=True):
                    if body:
                        await message.ack(body * body)
                return "of no single message"

            ids = await queue.publish_many([0, 1, 2])
            async with consuming(queue, handler, batching=Batching(size=3, wait=0.0)):
                ends = [await becomes(queue, id, "done") for id in ids]

            assert [end.result for end in ends] == [None, 1, 4]

    run(test)


def test_a_result_of_an_ack_in_a_transaction_is_committed_with_it(tmp_path: Path) -> None:
    async def test() -> None:
        async with consuming_in_transactions(tmp_path) as it:
            it.queue.tracked.retention = 3600.0

            async def handler(body: Any) -> None:
                message = module.message()
                message.progress(0.5)
                await message.ack(body)

            id = await it.queue.publish("kept")
            options = {"scope": it.scope, "transactions": it.database.transaction}
            async with consuming(it.queue, handler, **options):
                done = await becomes(it.queue, id, "done")

            assert (done.result, done.progress) == ("kept", Progress(0.5))

    run(test)
