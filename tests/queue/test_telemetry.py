"""What telemetry hears of a message: its publication, each attempt, and its settlement."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runtime.backoff import Backoff
from runtime.clock import REAL
from runtime.engines.queue.memory.queue import MemoryQueue
from runtime.engines.queue.queue import Queue
from runtime.engines.queue.tracing import ATTEMPT, OUTCOME
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext
from runtime.handlers.handler import Handler
from runtime.handlers.invocation import Invocation
from runtime.handlers.threads import ThreadPool
from runtime.kinds.queue import queue as kind
from runtime.kinds.queue.driver.memory import MemoryDriver
from runtime.modules import queue as module
from runtime.telemetry import MOST_SPANS, OFF, Span, Telemetry, clear_current, current_span
from tests.support import databases
from tests.support.consuming import AT_ONCE, Running, consuming, empty, run, scope_of, until
from tests.support.implementations import sql_driver
from tests.support.kept import Kept
from tests.support.listening import Recorder


def a_traced_queue(recorder: Recorder, **rules: Any) -> Queue:
    rules = {"max_attempts": 3, "max_requeues": 10, "retry": AT_ONCE} | rules
    retry = rules.pop("retry")
    telemetry = Telemetry(recorder)
    return Queue("app:q", MemoryQueue("q", 10), retry, telemetry=telemetry, **rules)


def spans(recorder: Recorder, name: str) -> list[Span]:
    return [span for span in recorder.ended if span.name == name]


def test_each_attempt_is_a_span_and_the_first_is_a_child_of_the_publication() -> None:
    recorder = Recorder()

    async def test() -> None:
        queue = a_traced_queue(recorder)
        around: list[Span | None] = []

        async def handler(body: Any) -> bool:
            around.append(current_span())
            return module.message().attempt == 2

        async with consuming(queue, handler, telemetry=Telemetry(recorder)):
            id = await queue.publish({"n": 1})
            await empty(queue)

        (publish,) = spans(recorder, "queue.publish")
        first, second = spans(recorder, "queue.process")
        destination = {"messaging.destination.name": "app:q", "messaging.message.id": id}
        send = {**destination, "messaging.operation.name": "send"}
        process = {**destination, "messaging.operation.name": "process"}
        assert (publish.entry, publish.attributes) == ("app:q", send)
        assert first.attributes == {**process, ATTEMPT: 1, OUTCOME: "retry"}
        assert second.attributes == {**process, ATTEMPT: 2, OUTCOME: "ack"}
        assert [link.span_id for link in second.links] == [publish.span_id]
        assert (first.trace_id, first.parent_id) == (publish.trace_id, publish.span_id)
        assert second.trace_id != publish.trace_id
        assert around == [first, second]

    run(test)


def test_a_settlement_is_an_event_of_its_span() -> None:
    recorder = Recorder()

    async def test() -> None:
        queue = a_traced_queue(recorder, max_attempts=2, retry=Backoff(initial_delay=0, jitter=0))

        async def handler(body: str) -> None:
            if body == "reject":
                raise module.Reject("never")
            if body == "ack":
                await module.message().ack()
            elif module.message().attempt == 1:
                raise ValueError("no")

        async with consuming(queue, handler, telemetry=Telemetry(recorder)):
            ids = [await queue.publish(body) for body in ("ack", "reject", "fail")]
            await empty(queue)

        ack, reject, fail = ids
        told = [
            (
                name,
                entry,
                {**fields, "error": repr(fields["error"])} if "error" in fields else fields,
            )
            for name, entry, _, fields in recorder.events
        ]
        common = {"function": "app:work"}
        assert told == [
            (
                "message.settled",
                "app:q",
                {"outcome": outcome, "message_id": id, "attempt": attempt, **common, **more},
            )
            for outcome, id, attempt, more in (
                ("ack", ack, 1, {}),
                ("dead", reject, 1, {"reason": "rejected", "error": "Reject('never')"}),
                ("retry", fail, 1, {"delay": 0.0, "error": "ValueError('no')"}),
                ("ack", fail, 2, {}),
            )
        ]
        assert [span for _, _, span, _ in recorder.events] == spans(recorder, "queue.process")

    run(test)


def test_a_trace_takes_no_more_publications_and_calls_than_it_has_room_for() -> None:
    kept = Kept()
    telemetry = Telemetry(sink=kept, sample=0.0)
    handler = Handler(answer, ThreadPool(1).submit)
    call = Invocation(EntryId("app", "work"), ApplicationContext(), handler, telemetry).call

    async def test() -> None:
        rules = {"max_attempts": 1, "max_requeues": 1, "telemetry": telemetry}
        queue = Queue("app:q", MemoryQueue("q", 1000), AT_ONCE, **rules)
        root = telemetry.tracepoint("http.request").root()
        for n in range(MOST_SPANS):
            await queue.publish(n)
            await call(SimpleNamespace(), n)
        root.mark_failed()
        root.end()
        clear_current()

    run(test)

    (root,) = kept.traces
    assert [span.name for span in root.spans[:2]] == ["queue.publish", "handler.call"]
    assert (len(root.spans), root.left_out) == (MOST_SPANS, MOST_SPANS)


async def answer(body: Any) -> int:
    return 1


def test_an_ack_in_a_transaction_is_told_once_it_is_committed(tmp_path: Path) -> None:
    recorder = Recorder()

    async def test() -> None:
        async with databases.tasks(tmp_path / "a.db") as database:
            driver = sql_driver(database)
            declared = driver.declare("q", {"sql": {"max_length": 10}})
            queue = Queue(
                "app:q",
                declared,
                AT_ONCE,
                max_attempts=2,
                max_requeues=10,
                telemetry=Telemetry(recorder),
            )
            service = Running(driver)
            await service.ready.wait()

            async def handler(body: str) -> bool:
                return module.message().attempt == 2

            transactions = database.transaction
            telemetry = Telemetry(recorder)
            async with consuming(queue, handler, transactions=transactions, telemetry=telemetry):
                await queue.publish("x")
                await until(lambda: len(spans(recorder, "queue.process")) == 2)
            await service.end()

        outcomes = [span.attributes[OUTCOME] for span in spans(recorder, "queue.process")]
        assert outcomes == ["retry", "ack"]
        assert [fields["outcome"] for _, _, _, fields in recorder.events] == outcomes

    run(test)


def test_a_traceparent_that_a_user_gave_stays() -> None:
    recorder = Recorder()
    given = f"00-{'1' * 32}-{'2' * 16}-01"

    async def test() -> None:
        queue = a_traced_queue(recorder)
        await queue.publish(1, {"traceparent": given, "x": "y"})
        message = await queue.driver_queue.subscribe(1).receive()

        assert dict(message.headers) == {"traceparent": given, "x": "y"}

    run(test)


def test_headers_that_are_no_dict_are_refused_in_a_span_too() -> None:
    recorder = Recorder()

    async def test() -> None:
        queue = a_traced_queue(recorder)
        with pytest.raises(TypeError, match="headers are of type list"):
            await queue.publish(1, [("a", "b")])  # type: ignore[arg-type]

    run(test)
    (span,) = recorder.ended
    assert isinstance(span.error, TypeError)


@pytest.mark.parametrize("enabled", [False, True])
def test_only_an_enabled_telemetry_changes_the_queue_that_is_built(enabled: bool) -> None:
    async def test() -> None:
        config = kind.Config(
            driver=MemoryDriver(EntryId("app", "driver")),
            queue_name=None,
            driver_options={"memory": {"max_length": 10}},
            retention=None,
            retry=AT_ONCE,
            dead_letter=kind.DeadLetter(queue=None, max_attempts=1, max_requeues=10),
        )
        telemetry = Telemetry(Recorder()) if enabled else OFF
        context: Any = SimpleNamespace(
            scope=ApplicationContext(), id=EntryId("app", "q"), clock=REAL, telemetry=telemetry
        )
        built: Queue = kind.kind.build(config, context)
        await built.publish(1)
        message = await built.driver_queue.subscribe(1).receive()

        assert (built.tracer is not None) is enabled
        assert ("traceparent" in message.headers) is enabled

    run(test)


def test_a_handlers_publication_belongs_to_its_message() -> None:
    recorder = Recorder()

    async def test() -> None:
        queue = a_traced_queue(recorder)

        async def handler(body: int) -> None:
            if body == 1:
                await module.publish("q", 2)

        scope = scope_of(queue)
        async with consuming(queue, handler, scope=scope, telemetry=Telemetry(recorder)):
            await queue.publish(1)
            await empty(queue)
            await until(lambda: len(spans(recorder, "queue.process")) == 2)

        first, second = spans(recorder, "queue.publish")
        processes = {span.attributes["messaging.message.id"]: span for span in recorder.ended
                     if span.name == "queue.process"}  # fmt: skip
        assert second.parent_id == processes[first.attributes["messaging.message.id"]].span_id
        assert len({span.trace_id for span in recorder.ended}) == 1

    run(test)
