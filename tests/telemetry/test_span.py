"""Telemetry: spans and events as a listener receives them."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from runtime.telemetry import OFF, Span, Telemetry, current_span
from tests.support.listening import Recorder


def test_a_span_is_told_when_it_starts_and_when_it_ends() -> None:
    recorder = Recorder()

    with Telemetry(recorder).span("sql.statement", "app:db", rows=3) as span:
        assert recorder.started == [span]
        assert recorder.ended == []
        assert span.duration is None
        assert current_span() is span

    assert recorder.ended == [span]
    assert (span.name, span.entry, span.attributes) == ("sql.statement", "app:db", {"rows": 3})
    assert span.duration is not None
    assert current_span() is None


def test_spans_nest_in_one_trace() -> None:
    telemetry = Telemetry(Recorder())

    with telemetry.span("outer") as outer:
        with telemetry.span("first") as first:
            pass
        with telemetry.span("second") as second:
            pass

    assert outer.parent_id is None
    assert first.parent_id == second.parent_id == outer.span_id
    assert {outer.trace_id} == {first.trace_id, second.trace_id}
    assert len({outer.span_id, first.span_id, second.span_id}) == 3


def test_a_task_s_spans_are_below_the_one_that_it_was_started_in() -> None:
    telemetry = Telemetry(Recorder())

    async def inner() -> Span:
        with telemetry.span("inner") as span:
            return span

    async def main() -> None:
        with telemetry.span("outer") as outer:
            task = asyncio.create_task(inner())
            assert (await task).parent_id == outer.span_id
            assert current_span() is outer

    asyncio.run(main())


def test_the_traceparent_of_a_span_makes_it_a_parent_elsewhere() -> None:
    telemetry = Telemetry(Recorder())
    with telemetry.span("queue.publish") as publish:
        header = publish.traceparent

    with telemetry.span("around"), telemetry.span("queue.process", traceparent=header) as process:
        pass

    assert (process.trace_id, process.parent_id) == (publish.trace_id, publish.span_id)


def test_a_malformed_traceparent_counts_as_none() -> None:
    telemetry = Telemetry(Recorder())

    with telemetry.span("around") as around, telemetry.span("it", traceparent="nonsense") as span:
        pass

    assert (span.trace_id, span.parent_id) == (around.trace_id, around.span_id)


def test_what_leaves_the_block_is_the_error_of_the_span() -> None:
    recorder = Recorder()
    fault = asyncio.CancelledError()

    with pytest.raises(asyncio.CancelledError), Telemetry(recorder).span("it"):
        raise fault

    assert [span.error for span in recorder.ended] == [fault]
    assert current_span() is None


def test_a_coroutine_that_is_closed_elsewhere_leaves_the_span_of_its_closer_alone() -> None:
    telemetry = Telemetry(Recorder())

    async def handler() -> None:
        with telemetry.span("of the handler"):
            await asyncio.sleep(0)

    coroutine = handler()
    contextvars.copy_context().run(coroutine.send, None)

    with telemetry.span("of the closer") as mine:
        coroutine.close()
        assert current_span() is mine


def test_an_event_belongs_to_the_span_around_it() -> None:
    recorder = Recorder()
    telemetry = Telemetry(recorder)

    telemetry.event("service.state", "app:db", state="running")
    with telemetry.span("it") as span:
        telemetry.event("sql.commit", "app:db", statements=2)

    assert recorder.events == [
        ("service.state", "app:db", None, {"state": "running"}),
        ("sql.commit", "app:db", span, {"statements": 2}),
    ]


class Broken:
    def span_started(self, span: Span) -> None:
        raise ValueError("of the listener")

    def span_ended(self, span: Span) -> None:
        raise ValueError("of the listener")

    def event(self, name: str, entry: str, span: Span | None, fields: Mapping[str, Any]) -> None:
        raise ValueError("of the listener")


def test_a_listener_that_raises_harms_nobody_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    telemetry = Telemetry(Broken())

    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            with telemetry.span("it"):
                telemetry.event("something")

    (record,) = caplog.records
    assert record.name == "runtime.telemetry"
    assert record.exc_info is not None


def test_without_a_listener_it_is_off() -> None:
    OFF.event("something")

    assert not OFF.enabled
    assert Telemetry(Broken()).enabled
