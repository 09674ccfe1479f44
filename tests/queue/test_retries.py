"""Retries and dead letters, on every driver: how often, how far apart, and what is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from runtime.backoff import Backoff
from runtime.clock import REAL
from runtime.engines.queue.driver_queue import Info
from runtime.engines.queue.memory.subscription import MemorySubscription
from runtime.engines.queue.message import Message
from runtime.engines.queue.queue import Queue
from runtime.engines.queue.sql.subscription import SqlSubscription
from runtime.modules import queue as module
from tests.support.consuming import SOON, consuming, run, scope_of
from tests.support.driver_conformance.messages import held_in, received
from tests.support.driver_conformance.suite import ROOM, Harness
from tests.support.implementations import IMPLEMENTATIONS

POLICY = Backoff(initial_delay=2.0, max_delay=15.0, backoff_factor=3.0, jitter=0.25)
MAX_ATTEMPTS = 5

each_driver = pytest.mark.parametrize("driver", IMPLEMENTATIONS)


@asynccontextmanager
async def opened(driver: str) -> AsyncIterator[Harness]:
    async with IMPLEMENTATIONS[driver].open(REAL) as opened:
        harness = Harness(IMPLEMENTATIONS[driver].name, opened)
        await harness.start()
        try:
            yield harness
        finally:
            await harness.stop()


def a_queue(harness: Harness, name: str = "q", dead_letter: Queue | None = None) -> Queue:
    return Queue(
        f"app:{name}",
        harness.declare(name, ROOM),
        POLICY,
        max_attempts=MAX_ATTEMPTS,
        max_requeues=10,
        dead_letter=dead_letter,
    )


async def done(*queues: Queue) -> None:
    """Wait until nothing is ready, delayed or in flight."""
    async with asyncio.timeout(SOON):
        for queue in queues:
            while held_in(await queue.info()):  # noqa: ASYNC110
                await asyncio.sleep(0)


@pytest.fixture
def gaps(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[float]]:
    """The delays that retries asked for, by message; nobody has to wait for them."""
    asked: dict[str, list[float]] = {}
    for kind in (MemorySubscription, SqlSubscription):

        def hurried(retry: Any) -> Any:
            async def record(self: Any, message: Message, delay: float, error: str) -> None:
                asked.setdefault(message.id, []).append(delay)
                await retry(self, message, 0.0, error)

            return record

        monkeypatch.setattr(kind, "retry", hurried(kind.retry))
    return asked


def failing(times: int, seen: list[int]) -> Callable[..., Any]:
    """A handler that fails so often, in a different way every time."""

    async def handler(body: Any) -> Any:
        attempt = module.message().attempt
        seen.append(attempt)
        if attempt > times:
            return None
        if attempt % 3 == 0:
            return False
        if attempt % 3 == 1:
            raise ValueError(f"failure {attempt}")
        return await module.message().nack()

    return handler


@each_driver
@pytest.mark.parametrize("failures", [0, 1, 2, 4, 5])
def test_a_handler_is_called_until_it_succeeds_or_the_attempts_are_spent(
    driver: str, failures: int, gaps: dict[str, list[float]]
) -> None:
    seen: list[int] = []

    async def test() -> None:
        async with opened(driver) as harness:
            queue = a_queue(harness)
            async with consuming(queue, failing(failures, seen)):
                id = await queue.publish(1)
                await done(queue)
            given_up = failures >= MAX_ATTEMPTS

            assert seen == list(range(1, min(failures + 1, MAX_ATTEMPTS) + 1))
            assert await queue.info() == Info(0, 0, 0, int(given_up))
            waits = gaps.get(id, [])
            assert len(waits) == min(failures, MAX_ATTEMPTS - 1)
            for wait, nominal in zip(waits, (2.0, 6.0, 15.0, 15.0), strict=False):
                assert nominal * 0.75 <= wait < nominal * 1.25

    run(test)


@each_driver
def test_the_jitter_spreads_what_failed_together(driver: str, gaps: dict[str, list[float]]) -> None:
    async def test() -> None:
        async with opened(driver) as harness:
            queue = a_queue(harness)
            async with consuming(queue, failing(1, []), concurrency=10):
                for number in range(200):
                    await queue.publish(number)
                await done(queue)

    run(test)

    waits = sorted(wait for (wait,) in gaps.values())
    assert len(set(waits)) > 190
    assert 1.5 <= waits[0] < 1.6
    assert 2.4 < waits[-1] < 2.5


@each_driver
def test_a_handler_that_says_when_is_taken_at_its_word_and_spends_an_attempt(
    driver: str, gaps: dict[str, list[float]]
) -> None:
    attempts = []

    async def handler(body: Any) -> None:
        attempts.append(module.message().attempt)
        if module.message().attempt == 1:
            raise module.Retry(after="90s")
        if module.message().attempt == 2:
            await module.message().nack(delay=7)
        raise module.Retry(after=0)

    async def test() -> None:
        async with opened(driver) as harness:
            queue = a_queue(harness)
            async with consuming(queue, handler):
                await queue.publish(1)
                await done(queue)

    run(test)

    assert attempts == [1, 2, 3, 4, 5]
    assert list(gaps.values()) == [[90.0, 7.0, 0.0, 0.0]]


@each_driver
@pytest.mark.parametrize("named", [True, False], ids=["queue of its own", "the driver's store"])
def test_a_dead_letter_is_the_message_with_its_story(
    driver: str, named: bool, gaps: dict[str, list[float]]
) -> None:
    async def handler(body: Any) -> None:
        raise ValueError(f"no number: {body['text']}")

    async def test() -> None:
        async with opened(driver) as harness:
            dead = a_queue(harness, "dead") if named else None
            queue = a_queue(harness, dead_letter=dead)
            before = datetime.now(UTC)
            async with consuming(queue, handler):
                id = await queue.publish({"text": "añ😀"}, {"trace": "ü"})
                await done(queue)
            if dead is not None:
                assert [letter.id for letter in await queue.dead_letters()] == [id]
                assert list(await queue.driver_queue.dead_letters()) == []
                dead_letter = await received(dead.driver_queue.subscribe(1))
            else:
                (dead_letter,) = await queue.dead_letters()
            headers = dict(dead_letter.headers)

            assert (dead_letter.id, dead_letter.body.decode()) == (id, '{"text":"añ😀"}')
            died = datetime.fromisoformat(headers.pop("x_dead_letter_time"))
            assert before.timestamp() - 0.001 <= died.timestamp() <= datetime.now(UTC).timestamp()
            assert before.timestamp() - 0.001 <= dead_letter.published <= died.timestamp() + 0.001
            traceback = headers.pop("x_dead_letter_traceback")
            assert "raise ValueError(f\"no number: {body['text']}\")" in traceback
            assert headers == {
                "trace": "ü",
                "x_original_queue": "app:q",
                "x_dead_letter_reason": "attempts",
                "x_dead_letter_error": "ValueError: no number: añ😀",
                "attempts": "5",
            }

    run(test)


@each_driver
def test_a_dead_letter_that_is_published_again_keeps_its_headers_and_starts_anew(
    driver: str, gaps: dict[str, list[float]]
) -> None:
    seen: list[tuple[int, dict[str, str]]] = []

    async def work(body: Any) -> Any:
        message = module.message()
        seen.append((message.attempt, message.headers))
        if "x_original_queue" not in message.headers:
            raise module.Reject("the database was away")
        return False  # the second life ends without an error

    async def replay(body: Any) -> None:
        headers = module.message().headers
        if "replayed" not in headers:
            await module.publish("q", body, headers | {"replayed": module.message().id})
        else:
            await module.publish("grave", body, headers)

    async def test() -> None:
        async with opened(driver) as harness:
            dead, grave = a_queue(harness, "dead"), a_queue(harness, "grave")
            queue = a_queue(harness, dead_letter=dead)
            scope = scope_of(queue, dead, grave)
            async with (
                consuming(queue, work, scope=scope),
                consuming(dead, replay, scope=scope),
            ):
                id = await queue.publish([1], {"trace": "t"})
                last = await received(grave.driver_queue.subscribe(1))

            first, *others = seen
            assert first == (1, {"trace": "t"})
            assert [attempt for attempt, _ in others] == [1, 2, 3, 4, 5]
            for _, headers in others:
                assert headers["trace"] == "t"
                assert headers["replayed"] == id
                assert headers["x_dead_letter_error"] == "Reject: the database was away"
                assert headers["x_dead_letter_reason"] == "rejected"
                assert headers["attempts"] == "1"
            assert (last.body, last.headers["trace"], last.headers["replayed"]) == (b"[1]", "t", id)
            assert last.headers["x_dead_letter_reason"] == "attempts"
            assert last.headers["x_dead_letter_error"] == "returned False or was nacked"
            assert last.headers["attempts"] == "5"

    run(test)


@each_driver
def test_the_second_death_has_no_traceback_of_the_first(
    driver: str, gaps: dict[str, list[float]]
) -> None:
    async def handler(body: Any) -> Any:
        if "x_original_queue" in module.message().headers:
            return False
        raise ValueError("the first time")

    async def test() -> None:
        async with opened(driver) as harness:
            queue = a_queue(harness)
            async with consuming(queue, handler):
                await queue.publish(1)
                await done(queue)
                (first,) = await queue.dead_letters()
                await queue.publish(1, first.headers)
                await done(queue)
            _, second = await queue.dead_letters()

            assert "the first time" in first.headers["x_dead_letter_traceback"]
            assert "x_dead_letter_traceback" not in second.headers
            assert second.headers["x_dead_letter_error"] == "returned False or was nacked"

    run(test)
