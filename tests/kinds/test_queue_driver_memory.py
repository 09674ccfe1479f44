"""queue.driver.memory and queue.queue: what they promise beyond the suite of all drivers."""

from __future__ import annotations

import asyncio
import gc
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from runtime.backoff import Backoff
from runtime.clock import REAL
from runtime.codec import NotJSON
from runtime.engines.queue.driver_queue import Full, Info
from runtime.engines.queue.memory.queue import MemoryQueue
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext
from runtime.kind import Stage
from runtime.kinds.queue import Queue, queue
from runtime.kinds.queue.driver import memory
from runtime.telemetry import OFF
from tests.support.consuming import SOON, Running, a_queue, run
from tests.support.remains import without_collector


def context(name: str) -> Any:
    scope = ApplicationContext()
    return SimpleNamespace(id=EntryId("app", name), clock=REAL, telemetry=OFF, scope=scope)


def a_driver() -> memory.MemoryDriver:
    return memory.kind.build(memory.Config(retention=None), context("queue_driver"))  # type: ignore[no-any-return]


def declared(driver: memory.MemoryDriver, name: str = "tasks", **fields: Any) -> Queue:
    config = queue.Config(
        driver=driver,
        queue_name=fields.get("queue_name"),
        driver_options={
            "memory": {"max_length": fields.get("max_length", 1000)},
            "sql": {"max_length": 1},
        },
        retry=Backoff(),
        dead_letter=queue.DeadLetter(queue=fields.get("dead"), max_attempts=4, max_requeues=10),
        retention=None,
    )
    return queue.kind.build(config, context(name))  # type: ignore[no-any-return]


def test_a_queue_is_called_after_its_entry_unless_it_says_otherwise() -> None:
    driver = a_driver()
    declared(driver, "tasks")
    declared(driver, "mails", queue_name="post")

    assert list(driver.queues) == ["tasks", "post"]


def test_a_queue_has_the_rules_of_its_entry() -> None:
    driver = a_driver()
    dead = declared(driver, "dead")
    tasks = declared(driver, "tasks", dead=dead)

    assert (tasks.id, tasks.max_attempts, tasks.dead_letter) == ("app:tasks", 4, dead)
    assert memory.kind.stage is Stage.RESOURCE
    assert queue.kind.stage is None


def test_contents_outlive_a_stop_of_the_driver_and_a_new_declaration() -> None:
    async def test() -> None:
        driver = a_driver()
        tasks = declared(driver)
        await tasks.publish(1)
        running = Running(driver)
        await running.end()
        running = Running(driver)
        tasks = declared(driver, max_length=1)
        with pytest.raises(Full):
            await tasks.publish(2)
        info = await tasks.info()
        await running.end()

        assert info == Info(1, 0, 0, 0)

    run(test)


def test_a_stop_says_what_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        driver = a_driver()
        tasks, _, mails = (declared(driver, name) for name in ("tasks", "empty", "mails"))
        await tasks.publish(1)
        await tasks.publish(2, delay="1h")
        await mails.publish(3)
        await Running(driver).end()

    run(test)

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "app:queue_driver: 3 messages are in memory only and end with this program "
        "(tasks: 2, mails: 1)"
    )


@pytest.mark.parametrize(
    ("waiting", "dead", "said"),
    [
        (1, 0, "1 message is in memory only and ends with this program (tasks: 1)"),
        (0, 1, "1 dead letter is in memory only and ends with this program (tasks: 1 dead)"),
        (0, 2, "2 dead letters are in memory only and end with this program (tasks: 2 dead)"),
        (
            1,
            2,
            "1 message and 2 dead letters are in memory only and end with this program "
            "(tasks: 1, tasks: 2 dead)",
        ),
    ],
)
def test_a_stop_counts_the_dead_apart(
    waiting: int, dead: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        driver = a_driver()
        tasks = declared(driver)
        subscription = tasks.driver_queue.subscribe(1)
        for _ in range(dead):
            await tasks.publish(1)
            message = await subscription.receive()
            await subscription.bury(message, message, None)
        for _ in range(waiting):
            await tasks.publish(1)
        await Running(driver).end()

    run(test)

    assert [record.getMessage() for record in caplog.records] == [f"app:queue_driver: {said}"]


def test_a_stop_with_nothing_left_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        driver = a_driver()
        declared(driver)
        await Running(driver).end()

    run(test)

    assert caplog.records == []


def test_join_waits_for_ready_delayed_and_in_hand() -> None:
    async def test() -> None:
        driver = a_driver()
        tasks = declared(driver)
        subscription = tasks.driver_queue.subscribe(1)
        await tasks.publish(1, delay=0.01)
        joining = asyncio.create_task(driver.join())
        message = await subscription.receive()
        await subscription.retry(message, 0)
        message = await subscription.receive()
        await asyncio.sleep(0)
        waits = not joining.done()
        await subscription.ack(message)
        await asyncio.wait_for(joining, SOON)

        assert waits

    run(test)


def test_a_body_is_encoded_when_it_is_published() -> None:
    async def test() -> None:
        tasks, body = a_queue(), {"items": [1]}
        await tasks.publish(body)
        body["items"].append(2)

        assert (await tasks.driver_queue.subscribe(1).receive()).body == b'{"items":[1]}'

    run(test)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (float("nan"), "body"),
        ({"a": [1, {2}]}, r"body\.a\[1\]"),
        ({1: 2}, "1"),
        ({"t": (1,)}, r"body\.t"),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(body: Any, place: str) -> None:
    async def test() -> None:
        tasks = a_queue()
        with pytest.raises(NotJSON, match=place):
            await tasks.publish(body)

        assert await tasks.info() == Info(0, 0, 0, 0)

    run(test)


def test_full_tells_an_http_server_what_to_answer() -> None:
    assert (Full("x").http_status, Full("x").retry_after) == (503, 1.0)


def test_a_burst_of_due_messages_leaves_turns_to_others() -> None:
    async def test() -> None:
        driver_queue = MemoryQueue("q", 10_000)
        tasks = Queue("app:q", driver_queue, Backoff(), max_attempts=10, max_requeues=10)
        for number in range(5000):
            await tasks.publish(number, delay=0.001)
        most, seen = 0, 0
        while len(driver_queue.ready) < 5000:
            await asyncio.sleep(0)
            most, seen = max(most, len(driver_queue.ready) - seen), len(driver_queue.ready)
        order = [int(message.body) for message in driver_queue.ready]

        assert most <= 1000
        assert order == sorted(order)

    run(test)


def test_messages_do_not_burden_the_collector() -> None:
    async def test() -> None:
        tasks = a_queue(max_length=10_000)
        with without_collector():
            for number in range(5000):
                await tasks.publish(number)

            assert len(gc.get_objects()) < 100

    run(test)
