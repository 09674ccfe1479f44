"""A worker of a durable queue takes its next message while the last one is being settled."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.queue import consumer
from runtime.engines.queue.driver_queue import Info
from runtime.engines.queue.sql import watch
from runtime.engines.queue.sql.operations import Settle
from runtime.modules import queue as module
from runtime.telemetry import Telemetry
from tests.support.consuming import SOON, consuming, run, until
from tests.support.durable import opened
from tests.support.listening import Recorder

NOTHING = Info(0, 0, 0, 0)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine with other work, nothing claimed ahead is given back, and no end is cut off."""
    monkeypatch.setattr(watch, "LONGEST_WAIT", 3600)
    monkeypatch.setattr(consumer, "CANCEL_TIMEOUT", SOON)
    monkeypatch.setattr(consumer, "STOP_TIMEOUT", 2 * SOON)


class Gate:
    """A handler whose first message ends at once, and the others when the gate is opened."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.open = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, body: int) -> None:
        self.begun.append(body)
        if len(self.begun) > 1:
            await self.open.wait()
            if self.error is not None:
                raise self.error


def handler_of(gate: Gate) -> Any:
    async def handler(body: int) -> None:
        await gate(body)

    return handler


@pytest.mark.parametrize("error", [None, ValueError("no"), module.Reject("never")])
def test_the_next_message_begins_while_the_last_one_is_settled(
    error: Exception | None, tmp_path: Path
) -> None:
    async def test() -> None:
        gate = Gate()
        gate.error = error
        async with opened(tmp_path) as it:
            for number in range(5):
                await it.queue.publish(number)
            async with consuming(it.queue, handler_of(gate), prefetch=4):
                await it.in_flight(4)
                async with it.stalled():
                    gate.open.set()
                    await until(lambda: gate.begun == [0, 1, 2, 3, 4])
                    assert (await it.queue.info()).in_flight == 4
                gate.error = None
                await it.in_flight(0)

            assert (await it.queue.info()).dead == (4 if isinstance(error, module.Reject) else 0)

    run(test)


def test_a_worker_waits_when_as_many_settlements_are_pending_as_prefetch_allows(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        gate = Gate()
        async with opened(tmp_path) as it:
            for number in range(6):
                await it.queue.publish(number)
            async with consuming(it.queue, handler_of(gate), prefetch=2):
                await it.in_flight(2)
                async with it.stalled():
                    gate.open.set()
                    await until(lambda: gate.begun == [0, 1, 2])
                    for _ in range(10):
                        assert (await it.queue.info()).in_flight == 2
                    assert gate.begun == [0, 1, 2]
                await it.in_flight(0)
                await until(lambda: gate.begun == [0, 1, 2, 3, 4, 5])

    run(test)


def test_never_more_than_prefetch_are_claimed_and_unsettled(tmp_path: Path) -> None:
    counts: list[int] = []

    async def test() -> None:
        async with opened(tmp_path) as it:

            async def handler(body: int) -> None:
                counts.append((await it.queue.info()).in_flight)

            for number in range(60):
                await it.queue.publish(number)
            async with consuming(it.queue, handler, concurrency=2, prefetch=5):
                await until(lambda: len(counts) == 60)
                await it.in_flight(0)

            assert max(counts) <= 5
            assert await it.queue.info() == NOTHING

    run(test)


def test_an_explicit_ack_returns_when_it_is_committed(tmp_path: Path) -> None:
    async def test() -> None:
        gate, acked = asyncio.Event(), asyncio.Event()
        begun = asyncio.Event()

        async def handler(body: int) -> None:
            begun.set()
            await gate.wait()
            await module.message().ack()
            acked.set()

        async with opened(tmp_path) as it:
            await it.queue.publish(1)
            async with consuming(it.queue, handler):
                await begun.wait()
                async with it.stalled():
                    gate.set()
                    for _ in range(10):
                        assert (await it.queue.info()).in_flight == 1
                    assert not acked.is_set()
                await asyncio.wait_for(acked.wait(), SOON)
                assert await it.queue.info() == NOTHING

    run(test)


def test_a_stop_waits_for_all_settlements(tmp_path: Path) -> None:
    async def test() -> None:
        gate = Gate()
        async with opened(tmp_path) as it:
            for number in range(3):
                await it.queue.publish(number)
            async with consuming(it.queue, handler_of(gate), prefetch=3) as running:
                await it.in_flight(2)
                async with it.stalled():
                    gate.open.set()
                    await until(lambda: gate.begun == [0, 1, 2])
                    running.stop.set()
                    for _ in range(10):
                        assert (await it.queue.info()).in_flight == 2
                    assert not running.task.done()
                await asyncio.wait_for(running.task, SOON)
                assert await it.queue.info() == NOTHING

    run(test)


def test_a_cancelled_consumer_settles_what_was_finished_and_releases_the_rest(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        begun: list[int] = []
        leave = asyncio.Event()

        async def handler(body: int) -> None:
            begun.append(body)
            if body == 1:
                await leave.wait()
            if body > 1:
                await asyncio.Event().wait()

        async with opened(tmp_path) as it:
            for number in range(5):
                await it.queue.publish(number)
            async with consuming(it.queue, handler, prefetch=3) as running:
                await it.in_flight(3)
                async with it.stalled():
                    leave.set()
                    await until(lambda: begun == [0, 1, 2])
                    running.task.cancel()
                    await asyncio.sleep(0)
                with pytest.raises(asyncio.CancelledError):
                    await running.task
            again = it.queue.driver_queue.subscribe(0)
            messages = [await again.receive() for _ in range(3)]

            assert [(each.body, each.attempt) for each in messages] == [
                (b"2", 1),
                (b"3", 1),
                (b"4", 1),
            ]
            await again.release(messages)

    run(test)


def test_an_outcome_that_comes_too_late_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        gate = Gate()
        async with opened(tmp_path) as it:
            for number in range(2):
                await it.queue.publish(number)
            async with consuming(it.queue, handler_of(gate)):
                await until(lambda: gate.begun == [0, 1])
                await it.database.execute("UPDATE runtime_message SET token = token + 1")
                gate.open.set()
                await until(lambda: "no longer held" in caplog.text)
            await it.database.execute("DELETE FROM runtime_message")

    run(test)


def test_an_error_of_the_store_ends_the_consumer_and_releases_the_message(tmp_path: Path) -> None:
    async def test() -> None:
        gate = Gate()
        async with opened(tmp_path) as it:
            for number in range(2):
                await it.queue.publish(number)
            store: Any = it.store
            settle_lazily = store.settle_lazily

            def fail(item: Settle) -> asyncio.Future[Any]:
                failed: asyncio.Future[Any] = asyncio.Future()
                failed.set_exception(LookupError("no such row"))
                return failed

            async with consuming(it.queue, handler_of(gate)) as running:
                await until(lambda: gate.begun == [0, 1])
                store.settle_lazily = fail
                gate.open.set()
                with pytest.raises(LookupError):
                    await asyncio.wait_for(running.task, SOON)
            store.settle_lazily = settle_lazily
            subscription = it.queue.driver_queue.subscribe(0)
            message = await subscription.receive()

            assert (message.body, message.attempt) == (b"1", 1)
            await subscription.ack(message)

    run(test)


def test_the_span_of_a_message_ends_when_it_is_settled(tmp_path: Path) -> None:
    recorder = Recorder()

    async def test() -> None:
        gate = Gate()
        telemetry = Telemetry(recorder)
        async with opened(tmp_path, telemetry) as it:
            for number in range(3):
                await it.queue.publish(number)
            async with consuming(it.queue, handler_of(gate), telemetry=telemetry):
                await it.in_flight(2)
                async with it.stalled():
                    gate.open.set()
                    await until(lambda: gate.begun == [0, 1, 2])
                    ended = [span for span in recorder.ended if span.name == "queue.process"]
                    assert len(ended) == 1
                await it.in_flight(0)

        spans = [span for span in recorder.ended if span.name == "queue.process"]
        assert [span.attributes["runtime.outcome"] for span in spans] == ["ack"] * 3
        assert len({span.trace_id for span in spans}) == 3
        events = [event for event in recorder.events if event[0] == "message.settled"]
        assert {event[2].span_id for event in events if event[2]} == {s.span_id for s in spans}

    run(test)
