"""The progress of tasks, on every driver."""

from __future__ import annotations

import asyncio
from typing import Any

from runtime.engines.queue.status import Progress, Record
from runtime.modules import queue as module
from tests.support.consuming import consuming, run
from tests.support.tracking import becomes, each_driver, opened, tells


@each_driver
def test_a_message_ends_with_the_progress_that_was_told_last(driver: str) -> None:
    async def test() -> None:
        async with opened(driver) as (queue, _):
            go = asyncio.Event()

            async def handler(body: str) -> Any:
                message = module.message()
                message.progress(0.4)
                await tells(queue, message.id, Progress(0.4))
                message.progress(0.9, "nearly")  # which is written half a second later
                if body == "cancelled":
                    await go.wait()

            ids = {body: await queue.publish(body) for body in ("done", "cancelled")}
            async with consuming(queue, handler):
                await becomes(queue, ids["done"], "done")
                await tells(queue, ids["cancelled"], Progress(0.9, "nearly"))
                await queue.cancel(ids["cancelled"])
                await becomes(queue, ids["cancelled"], "cancelled")

            assert queue.progressing is not None
            for id in ids.values():
                while queue.progressing.latest(id):  # noqa: ASYNC110
                    await asyncio.sleep(0)
                assert (await queue.status(id)).progress == Progress(0.9, "nearly")

    run(test)


@each_driver
def test_a_progress_that_is_written_while_it_is_asked_for_is_told(driver: str) -> None:
    async def test() -> None:
        async with opened(driver) as (queue, _):
            find, begun, go = queue.tracked.find, asyncio.Event(), asyncio.Event()

            async def handler(body: Any) -> None:
                module.message().progress(0.5)
                begun.set()
                await go.wait()

            async def find_and_wait(id: str) -> Record | None:
                found = await find(id)
                assert queue.progressing is not None
                while queue.progressing.latest(id):  # noqa: ASYNC110
                    await asyncio.sleep(0)
                return found

            id = await queue.publish(1)
            async with consuming(queue, handler):
                await begun.wait()
                queue.tracked.find = find_and_wait  # type: ignore[method-assign]
                running = await queue.status(id)
                go.set()

            assert (running.status, running.progress) == ("running", Progress(0.5))

    run(test)


def test_a_progress_is_a_number_from_0_to_1_and_a_text() -> None:
    async def test() -> None:
        async with opened("memory") as (queue, _):
            wrong: list[str] = []

            async def handler(body: Any) -> None:
                message = module.message()
                for part, text in ((2, None), (True, None), ("1", None), (0.5, 7)):
                    try:
                        message.progress(part, text)  # type: ignore[arg-type]
                    except (TypeError, ValueError) as error:
                        wrong.append(str(error))
                message.progress(1, "\0\ud800" + "x" * 1000)

            id = await queue.publish(1)
            async with consuming(queue, handler):
                done = await becomes(queue, id, "done")

            assert wrong == [
                "'part' is 2, not from 0 to 1",
                "'part' is of type bool, not a number from 0 to 1",
                "'part' is of type str, not a number from 0 to 1",
                "'text' is of type int, not str",
            ]
            assert done.attempt == 1

    run(test)
