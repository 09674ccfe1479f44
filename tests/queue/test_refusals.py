"""Messages that a queue refuses are in the log, once a reason, unless a client is told."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from runtime.engines.queue.driver_queue import Full
from runtime.engines.queue.refusal_log import INTERVAL, MAX_REASONS, RefusalLog
from runtime.entry_id import EntryId
from runtime.handlers.context import Call, current
from runtime.modules import queue as module
from runtime.modules.sync import queue as blocking
from tests.support.clock import FakeClock
from tests.support.consuming import a_queue, consuming, empty, run, scope_of

FULL = "queue 'app:mails' is full (1); no consumer of it runs here"


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("world", ["async def", "def"])
def test_a_refusal_that_a_consumer_catches_is_told_once_and_then_counted(
    world: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        fake = FakeClock()
        tasks, mails = a_queue("tasks"), a_queue("mails", max_length=1, clock=fake.clock)
        await mails.publish(0)

        async def work(body: Any) -> None:
            with pytest.raises(Full):
                await module.publish("mails", body)

        def work_in_a_thread(body: Any) -> None:
            with pytest.raises(Full):
                blocking.publish("mails", body)

        handler = work if world == "async def" else work_in_a_thread
        async with consuming(tasks, handler, scope=scope_of(tasks, mails)):
            for number in range(3):
                await tasks.publish(number)
            await empty(tasks)
            assert told(caplog) == [f"app:work could not publish: {FULL}"]
            await fake.advance(INTERVAL)
            assert told(caplog)[1:] == [f"app:work could not publish 2 times more: {FULL}"]
            await fake.advance(10 * INTERVAL)
            assert len(told(caplog)) == 2
            assert fake.timers == 0
            await tasks.publish(4)
            await empty(tasks)
            assert told(caplog)[2:] == [f"app:work could not publish: {FULL}"]

    run(test)


class Exchange:
    def __init__(self) -> None:
        self.log_ids = {"request_id": "7"}


def test_a_refusal_that_a_client_is_told_is_not_told_twice(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test() -> None:
        mails = a_queue("mails", max_length=1)
        current.set(Call(EntryId("app", "post"), scope_of(mails), Exchange()))
        await module.publish("mails", 1)
        with pytest.raises(Full):
            await module.publish("mails", 1)

        assert told(caplog) == []

    run(test)


def test_reasons_without_end_are_counted_together(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        fake = FakeClock()
        log = RefusalLog(fake.clock)
        for number in range(MAX_REASONS + 10):
            log.refused(Full(str(number)), "app:work", {})
        assert len(told(caplog)) == MAX_REASONS + 1
        assert told(caplog)[-1] == "app:work could not publish: more reasons than are counted"
        await fake.advance(INTERVAL)
        assert told(caplog)[MAX_REASONS + 1 :] == [
            "app:work could not publish 9 times more: more reasons than are counted"
        ]

    run(test)


def test_a_full_queue_says_that_nobody_takes_its_messages_only_if_so() -> None:
    async def test() -> None:
        tasks = a_queue("tasks", max_length=1)

        async def work(body: Any) -> None:
            with pytest.raises(Full) as caught:
                await module.publish("tasks", 1)
            seen.append(str(caught.value))

        seen: list[str] = []
        async with consuming(tasks, work):
            await tasks.publish(1)
            await empty(tasks)
        assert seen == ["queue 'app:tasks' is full (1)"]
        await tasks.publish(1)
        with pytest.raises(Full, match=r"\(1\); no consumer of it runs here"):
            await tasks.publish(1)

    run(test)


def test_the_error_of_a_full_queue_is_gone_once_nobody_has_it() -> None:
    async def refusal() -> weakref.ref[Full]:
        mails = a_queue("mails", max_length=1)
        await mails.publish(0)
        try:
            await mails.publish(1)
        except Full as error:
            return weakref.ref(error)
        pytest.fail("it was published")

    async def test() -> None:
        gc.collect()
        gc.disable()
        try:
            assert (await refusal())() is None
        finally:
            gc.enable()

    run(test)
