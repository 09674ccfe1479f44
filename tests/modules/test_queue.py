"""runtime.modules.queue, and its twin for a `def`: what handlers see."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from runtime.engines.queue.driver_queue import Full, Info
from runtime.engines.queue.message import Message
from runtime.engines.queue.outcome import AlreadySettled
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext, Call, current
from runtime.modules import queue
from runtime.modules.sync import queue as blocking
from tests.support.consuming import a_queue, consuming, empty, run, scope_of


class Run:
    """A run of a process, as the subject of a call."""

    def __init__(self) -> None:
        self.log_ids = {"run": 1}

    def become_async(self) -> None: ...


def enter(scope: ApplicationContext) -> None:
    """Be a handler of the namespace `app`, such as one of a process."""
    current.set(Call(EntryId("app", "create_task"), scope, Run()))


@pytest.mark.parametrize("id", ["app:q", "q"])
def test_publish_finds_the_queue_by_its_id_or_bare_name(id: str) -> None:
    async def test() -> None:
        tasks = a_queue("q")
        enter(scope_of(tasks))
        message_id = await queue.publish(id, {"n": 1}, headers={"trace": "t"})
        message = await tasks.driver_queue.subscribe(1).receive()

        assert (message.id, message.body) == (message_id, b'{"n":1}')
        assert message.headers == {"trace": "t"}

    run(test)


def test_publish_takes_a_delay() -> None:
    async def test() -> None:
        tasks = a_queue("q")
        enter(scope_of(tasks))
        await queue.publish("q", 1, delay="30s")
        await queue.publish("q", 1, delay=0.5)

        assert await queue.info("q") == Info(ready=0, delayed=2, in_flight=0, dead=0)

    run(test)


def test_publish_to_nothing_and_to_no_queue_are_different_errors() -> None:
    async def test() -> None:
        scope = scope_of(a_queue("tasks_queue"))
        scope.fields[EntryId("app", "db")] = {}
        enter(scope)
        with pytest.raises(LookupError, match="no entry 'app:task_queue'; did you mean"):
            await queue.publish("task_queue", 1)
        with pytest.raises(TypeError, match="'app:db' is no queue"):
            await queue.publish("app:db", 1)

    run(test)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"priority": ""}, "'priority' is of type str, not an integer"),
        ({"priority": None}, "'priority' is of type NoneType, not an integer"),
        ({"headers": []}, "headers are of type list, not a dict"),
        ({"headers": 0}, "headers are of type int, not a dict"),
    ],
)
def test_an_empty_value_of_a_wrong_type_is_refused_too(options: Any, said: str) -> None:
    async def test() -> None:
        tasks = a_queue("q")
        enter(scope_of(tasks))
        with pytest.raises(TypeError, match=said):
            await queue.publish("q", 1, **options)

        assert await queue.info("q") == Info(0, 0, 0, 0)

    run(test)


@pytest.mark.parametrize("id", [7, None])
def test_an_id_that_is_no_text_is_refused_as_such(id: Any) -> None:
    async def test() -> None:
        enter(scope_of(a_queue("q")))
        with pytest.raises(TypeError, match="an id is of type"):
            await queue.publish(id, 1)

    run(test)


def test_a_full_queue_raises_at_once() -> None:
    async def test() -> None:
        enter(scope_of(a_queue("q", max_length=1)))
        await queue.publish("q", 1)
        with pytest.raises(Full, match=r"queue 'app:q' is full \(1\); no consumer of it runs here"):
            await queue.publish("q", 2)

    run(test)


def test_dead_letters_are_listed_with_body_and_story() -> None:
    async def test() -> None:
        dying = a_queue("q", max_attempts=1)
        scope = scope_of(dying)
        enter(scope)

        async def handler(body: Any) -> None:
            raise queue.Reject("never")

        async with consuming(dying, handler, scope=scope):
            id = await queue.publish("q", {"n": 1}, {"trace": "t"})
            await dying.driver_queue.publish(Message("x", b"no json"))
            await empty(dying)
        first, second = await queue.dead_letters("q")

        assert (first["id"], first["body"], first["headers"]["trace"]) == (id, {"n": 1}, "t")
        assert first["headers"]["x_dead_letter_error"] == "Reject: never"
        assert (second["body"], second["headers"]["x_dead_letter_reason"]) == ("no json", "invalid")
        assert await queue.dead_letters("q", limit=1) == [first]

    run(test)


@pytest.mark.parametrize("limit", ["3", None, 2.0, True])
def test_a_limit_that_is_no_number_of_messages_is_refused_as_such(limit: Any) -> None:
    async def test() -> None:
        enter(scope_of(a_queue("q")))
        with pytest.raises(TypeError, match=f"an int, not {type(limit).__name__}"):
            await queue.dead_letters("q", limit)

    run(test)


def test_there_is_no_message_outside_of_a_consumer() -> None:
    async def test() -> None:
        enter(scope_of())
        with pytest.raises(RuntimeError, match="'app:create_task' was not called by a consumer"):
            queue.message()

    run(test)


def test_a_handler_sees_its_message_and_publishes_on() -> None:
    async def test() -> None:
        first, second, seen = a_queue("first"), a_queue("second"), []

        async def handler(body: Any) -> None:
            message = queue.message()
            seen.append((message.id, message.headers, message.attempt))
            await queue.publish("second", body, message.headers)

        scope = scope_of(first, second)
        enter(scope)
        async with consuming(first, handler, scope=scope):
            id = await queue.publish("first", [1], {"trace": "t"})
            await empty(first)
        passed_on = await second.driver_queue.subscribe(1).receive()

        assert seen == [(id, {"trace": "t"}, 1)]
        assert (passed_on.body, passed_on.headers) == (b"[1]", {"trace": "t"})

    run(test)


def test_a_def_handler_publishes_and_settles_from_its_thread() -> None:
    async def test() -> None:
        first, second, seen = a_queue("first"), a_queue("second"), list[Any]()

        def handler(body: Any) -> bool:
            message = blocking.message()
            seen.append((message.attempt, message.headers, threading.current_thread().name))
            if message.attempt == 1:
                message.nack(delay=0)
                return True
            seen.append(blocking.info("first"))
            blocking.publish("second", body, delay="1ms")
            message.ack()
            with pytest.raises(AlreadySettled):
                message.ack()
            return False

        async with consuming(first, handler, scope=scope_of(first, second)):
            await first.publish([1], {"trace": "t"})
            await empty(first)
        passed_on = await second.driver_queue.subscribe(1).receive()

        assert [part[:2] for part in seen[:2]] == [(1, {"trace": "t"}), (2, {"trace": "t"})]
        assert threading.main_thread().name not in (seen[0][2], seen[1][2])
        assert seen[2] == Info(0, 0, 1, 0)
        assert passed_on.body == b"[1]"

    run(test)


def test_an_error_reaches_the_thread_that_published() -> None:
    async def test() -> None:
        enter(scope_of(a_queue("q", max_length=1)))
        await asyncio.to_thread(blocking.publish, "q", 1)
        with pytest.raises(Full):
            await asyncio.to_thread(blocking.publish, "q", 1)

    run(test)


def test_the_blocking_twin_refuses_to_block_the_loop() -> None:
    async def test() -> None:
        enter(scope_of(a_queue("q")))
        with pytest.raises(RuntimeError, match="an 'async def' must not"):
            blocking.publish("q", 1)

    run(test)
