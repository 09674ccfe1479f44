"""runtime.modules.queue: dead letters listed, requeued and dropped in code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.queue.driver_queue import Info
from runtime.engines.queue.queue import Queue
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext, Call, current
from runtime.modules import queue
from runtime.modules.sync import queue as blocking
from tests.support import databases
from tests.support.consuming import AT_ONCE, SOON, Running, a_queue, consuming, run, scope_of
from tests.support.implementations import sql_driver

OPTIONS = {"sql": {"max_length": 1000}}


@dataclass
class Application:
    """Tasks that are dead after two attempts, and the queue `failed`, perhaps for them."""

    tasks: Queue
    failed: Queue
    scope: ApplicationContext

    async def die(self, *bodies: Any, unique: str | None = None) -> list[str]:
        """Publish messages that are rejected. Returns their ids."""

        async def reject(body: Any) -> None:
            raise queue.Reject("no")

        async with consuming(self.tasks, reject, scope=self.scope):
            ids = [await self.tasks.publish(body, {"of": "ada"}, unique=unique) for body in bodies]
            await self.are_dead(len(ids))
        return ids

    async def are_dead(self, count: int) -> None:
        async with asyncio.timeout(SOON):
            while (await self.tasks.info()).dead < count:  # noqa: ASYNC110
                await asyncio.sleep(0)


@asynccontextmanager
async def application(driver: str, named: bool, folder: Path) -> AsyncIterator[Application]:
    if driver == "memory":
        failed = a_queue("failed")
        tasks = a_queue("tasks", max_attempts=2, max_requeues=3)
        tasks.dead_letter = failed if named else None
        yield enter(Application(tasks, failed, scope_of(tasks, failed)))
        return
    async with databases.tasks(folder / "a.db") as database:
        service = sql_driver(database)
        rules: dict[str, Any] = {"max_attempts": 2, "max_requeues": 3}
        failed = Queue("app:failed", service.declare("failed", OPTIONS), AT_ONCE, **rules)
        letters = failed if named else None
        tasks = Queue(
            "app:tasks", service.declare("tasks", OPTIONS), AT_ONCE, dead_letter=letters, **rules
        )
        running = Running(service)
        await asyncio.wait_for(running.ready.wait(), SOON)
        yield enter(Application(tasks, failed, scope_of(tasks, failed)))
        await running.end()


def enter(it: Application) -> Application:
    current.set(Call(EntryId("app", "endpoint"), it.scope, None))  # type: ignore[arg-type]
    return it


each_set_up = pytest.mark.parametrize(
    ("driver", "named"),
    [("memory", False), ("memory", True), ("sql", False), ("sql", True)],
    ids=lambda value: {True: "dead letter queue", False: "own store"}.get(value, value),
)


@each_set_up
def test_a_dead_letter_is_told_with_its_story(driver: str, named: bool, tmp_path: Path) -> None:
    async def test() -> None:
        async with application(driver, named, tmp_path) as it:
            first, second = await it.die({"n": 1}, {"n": 2})
            letters = await queue.dead_letters("tasks")

            assert [letter["id"] for letter in letters] == [first, second]
            letter = letters[0]
            assert (letter["body"], letter["headers"]["of"]) == ({"n": 1}, "ada")
            assert (letter["reason"], letter["error"]) == ("rejected", "Reject: no")
            assert (letter["attempts"], letter["requeued"]) == (1, 0)
            assert letter["published"] <= letter["died"] + 0.001
            assert await queue.dead_letters("tasks", limit=1) == [letter]
            assert await asyncio.to_thread(blocking.dead_letters, "tasks") == letters
            assert (await queue.info("tasks")).dead == 2
            assert (await queue.info("failed")).dead == 0

    run(test)


@each_set_up
def test_a_requeued_message_is_handled_with_its_attempts_unspent(
    driver: str, named: bool, tmp_path: Path
) -> None:
    seen: list[Any] = []
    handled = asyncio.Event()

    async def work(body: Any) -> None:
        message = queue.message()
        seen.append((message.id, body, message.headers, message.attempt))
        handled.set()

    async def test() -> None:
        async with application(driver, named, tmp_path) as it:
            (id,) = await it.die([1])
            (letter,) = await queue.dead_letters("tasks")
            await queue.requeue("tasks", letter)
            assert await queue.dead_letters("tasks") == []
            assert await queue.info("tasks") == Info(1, 0, 0, 0)
            async with consuming(it.tasks, work, scope=it.scope):
                await asyncio.wait_for(handled.wait(), SOON)

            assert seen == [(id, [1], {"of": "ada", "x_requeued": "1"}, 1)]
            with pytest.raises(queue.NoDeadLetter, match=f"no dead letter '{id}' of 'app:tasks'"):
                await queue.requeue("tasks", id)

    run(test)


@each_set_up
def test_a_dropped_letter_is_gone(driver: str, named: bool, tmp_path: Path) -> None:
    async def test() -> None:
        async with application(driver, named, tmp_path) as it:
            first, second = await it.die(1, 2)
            await queue.drop("tasks", first)
            await asyncio.to_thread(blocking.drop, "tasks", {"id": second})

            assert await queue.info("tasks") == Info(0, 0, 0, 0)
            assert await queue.info("failed") == Info(0, 0, 0, 0)
            with pytest.raises(queue.NoDeadLetter):
                await queue.drop("tasks", first)

    run(test)


@each_set_up
def test_a_requeue_respects_the_unique_key(driver: str, named: bool, tmp_path: Path) -> None:
    async def test() -> None:
        async with application(driver, named, tmp_path) as it:
            (dead,) = await it.die(1, unique="invoice-7")
            living = await queue.publish("tasks", 2, unique="invoice-7")
            with pytest.raises(queue.KeyTaken, match=living):
                await queue.requeue("tasks", dead)
            assert (await queue.info("tasks")).dead == 1

    run(test)


@each_set_up
def test_a_message_that_was_requeued_too_often_stays_dead(
    driver: str, named: bool, tmp_path: Path
) -> None:
    async def test() -> None:
        async with application(driver, named, tmp_path) as it:

            async def reject(body: Any) -> None:
                raise queue.Reject("no")

            (id,) = await it.die(1)
            async with consuming(it.tasks, reject, scope=it.scope):
                for _ in range(3):
                    await queue.requeue("tasks", id)
                    await it.are_dead(1)
                with pytest.raises(queue.RequeuedTooOften, match="was requeued 3 times and died"):
                    await queue.requeue("tasks", id)
            (letter,) = await queue.dead_letters("tasks")
            assert (letter["id"], letter["requeued"]) == (id, 3)

    run(test)


@pytest.mark.parametrize("driver", ["memory", "sql"])
@pytest.mark.parametrize("way", ["message", "id", "def"])
def test_a_loop_of_requeue_and_death_ends(driver: str, way: str, tmp_path: Path) -> None:
    attempts: list[int] = []

    async def fail(body: Any) -> bool:
        attempts.append(queue.message().attempt)
        return False

    async def give_back(body: Any) -> None:
        message = queue.message()
        await queue.requeue("tasks", message if way == "message" else message.id)

    def give_back_in_a_thread(body: Any) -> None:
        blocking.requeue("tasks", blocking.message())

    async def test() -> None:
        async with application(driver, True, tmp_path) as it:
            handler = give_back_in_a_thread if way == "def" else give_back
            async with (
                consuming(it.tasks, fail, scope=it.scope),
                consuming(it.failed, handler, scope=it.scope),
            ):
                await it.tasks.publish(1)
                async with asyncio.timeout(SOON):
                    while (await it.failed.info()).dead == 0:  # noqa: ASYNC110
                        await asyncio.sleep(0)
            (letter,) = await queue.dead_letters("failed")

            assert attempts == [1, 2] * 4
            assert (letter["reason"], letter["requeued"]) == ("rejected", 3)
            assert letter["error"].startswith("RequeuedTooOften: ")
            assert await it.tasks.info() == Info(0, 0, 0, 0)

    run(test)


def test_a_handler_knows_its_last_attempt() -> None:
    async def test() -> None:
        tasks, seen = a_queue("tasks", max_attempts=2), list[Any]()
        both = asyncio.Event()

        def work(body: Any) -> bool:
            message = blocking.message()
            seen.append((message.attempt, message.max_attempts, message.last_attempt))
            return False

        async def note(body: Any) -> bool:
            message = queue.message()
            seen.append((message.attempt, message.max_attempts, message.last_attempt))
            if message.last_attempt:
                both.set()
            return False

        for handler in (note, work):
            async with consuming(tasks, handler):
                await tasks.publish(1)
                await tasks.driver_queue.join()  # type: ignore[attr-defined]

        assert seen == [(1, 2, False), (2, 2, True)] * 2

    run(test)


def test_a_message_that_did_not_die_in_a_queue_is_neither_requeued_into_it_nor_dropped() -> None:
    refused: list[str] = []

    async def work(body: Any) -> None:
        with pytest.raises(queue.NoDeadLetter) as caught:
            await queue.requeue("tasks", queue.message())
        refused.append(str(caught.value))
        with pytest.raises(queue.NoDeadLetter):
            await queue.drop("tasks", queue.message())
        with pytest.raises(queue.NoDeadLetter):
            await queue.drop("tasks", queue.message().id)

    async def test() -> None:
        tasks, failed = a_queue("tasks"), a_queue("failed")
        async with consuming(failed, work, scope=scope_of(tasks, failed)):
            await failed.publish(1)
            await failed.publish(2, {"x_original_queue": "app:others"})
            await failed.driver_queue.join()  # type: ignore[attr-defined]

        assert "is no dead letter, so 'app:tasks' does not take it back" in refused[0]
        assert "died in 'app:others'" in refused[1]

    run(test)


@pytest.mark.parametrize("letter", [None, 7, {}, {"id": 7}, b"x"])
def test_what_is_no_letter_is_refused_as_such(letter: Any) -> None:
    async def test() -> None:
        tasks = a_queue("tasks")
        enter(Application(tasks, tasks, scope_of(tasks)))
        for take in (queue.requeue, queue.drop):
            with pytest.raises(TypeError, match="a dead letter is of type"):
                await take("tasks", letter)

    run(test)


def test_a_limit_below_nothing_is_refused() -> None:
    async def test() -> None:
        tasks = a_queue("tasks")
        enter(Application(tasks, tasks, scope_of(tasks)))
        with pytest.raises(ValueError, match="'limit' is -1, not 0 or more"):
            await queue.dead_letters("tasks", limit=-1)

    run(test)
