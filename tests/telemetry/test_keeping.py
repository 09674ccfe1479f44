"""The traces that a sink receives: those that are sampled, failed or slow, whole."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from math import inf
from time import monotonic
from typing import Any

import pytest

from runtime.telemetry import (
    Parent,
    Root,
    Span,
    Telemetry,
    clear_current,
    current_span,
)
from runtime.telemetry.span import MOST_SPANS
from runtime.telemetry.telemetry import MOST_ADMITTED
from tests.support.kept import Kept

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def kept() -> Iterator[Kept]:
    yield Kept()
    clear_current()


def a_trace(telemetry: Telemetry, **root: Any) -> Root:
    """A trace of one request that calls a handler."""
    span = telemetry.tracepoint("http.request").root(root.pop("remote", None))
    place, began = telemetry.tracepoint("handler.call"), monotonic()
    place.finish(current_span(), began)
    if root:
        span.mark_failed(root["error"])
    span.end()
    return span


def test_a_trace_that_is_not_sampled_is_dropped(kept: Kept) -> None:
    a_trace(Telemetry(sink=kept, sample=0.0))

    assert kept.traces == []


def test_a_sampled_trace_is_kept_with_its_spans(kept: Kept) -> None:
    root = a_trace(Telemetry(sink=kept, sample=1.0))

    assert kept.traces == [root]
    assert [(span.name, span.parent) for span in root.spans] == [("handler.call", root)]
    assert root.duration is not None
    assert root.started > 1_700_000_000 * 10**9


@pytest.mark.parametrize("error", [None, ValueError()])
def test_a_trace_that_failed_is_kept_whole(kept: Kept, error: BaseException | None) -> None:
    root = a_trace(Telemetry(sink=kept, sample=0.0), error=error)

    assert kept.traces == [root]
    assert [span.name for span in root.spans] == ["handler.call"]


def test_a_slow_trace_is_kept_and_a_stream_takes_until_its_head(kept: Kept) -> None:
    telemetry = Telemetry(sink=kept, sample=0.0, slow=1.0)
    place, now = telemetry.tracepoint("http.request"), monotonic()

    slow, late_head, stream = (place.root(began=now - 9) for _ in range(3))
    late_head.answered, stream.answered = now - 7, now - 8.5
    for root in (slow, late_head, stream):
        root.end()

    assert kept.traces == [slow, late_head]
    assert late_head.duration == pytest.approx(2e9)


def test_what_happened_while_a_handler_was_called_is_below_its_call(kept: Kept) -> None:
    telemetry = Telemetry(sink=kept)
    root = telemetry.tracepoint("http.request").root()
    call, statement = telemetry.tracepoint("handler.call"), telemetry.tracepoint("sql.statement")

    statement.finish(root, monotonic())
    began = monotonic()
    statement.finish(root, monotonic())
    root.note("info", "working")
    call.finish(root, began)
    statement.finish(root, monotonic())
    root.end()

    before, during, handler, after = root.spans
    assert [before.parent, during.parent, handler.parent, after.parent] == [
        root, handler, root, root,
    ]  # fmt: skip
    assert root.notes is not None
    assert [note.span for note in root.notes] == [handler]


def test_a_span_without_a_trace_around_it_is_one_of_its_own(kept: Kept) -> None:
    telemetry = Telemetry(sink=kept)

    telemetry.tracepoint("sql.statement").finish(None, monotonic(), error=ValueError())

    (root,) = kept.traces
    assert (root.name, root.failed) == ("sql.statement", True)
    assert current_span() is None


def test_the_share_of_traces_is_kept_that_was_asked_for(kept: Kept) -> None:
    telemetry = Telemetry(sink=kept, sample=0.5)

    for _ in range(1000):
        a_trace(telemetry)

    assert 350 < len(kept.traces) < 650


def test_a_busy_program_samples_no_more_than_so_many_a_second(kept: Kept) -> None:
    telemetry = Telemetry(sink=kept)
    telemetry.keep_also(1.0, inf, True, most_sampled=3)

    began = monotonic()
    for _ in range(1000):
        a_trace(telemetry)
    a_trace(telemetry, error=ValueError())

    seconds = int(monotonic() - began) + 1
    assert 3 <= len([root for root in kept.traces if root.sampled]) <= 3 * (seconds + 1)
    assert kept.traces[-1].failed


def test_what_others_have_not_sampled_takes_no_place_of_what_is(kept: Kept) -> None:
    telemetry = Telemetry(sink=kept)
    telemetry.keep_also(1.0, inf, True, most_sampled=3)

    for _ in range(5):
        a_trace(telemetry, remote=Parent(TRACE, CALLER, False))
    root = a_trace(telemetry)

    assert kept.traces == [root]


def test_what_others_have_sampled_is_kept_in_bounds(kept: Kept) -> None:
    telemetry = Telemetry(sink=kept, sample=0.0)

    for _ in range(10 * MOST_ADMITTED):
        a_trace(telemetry, remote=Parent(TRACE, CALLER, True))

    assert MOST_ADMITTED <= len(kept.traces) < 10 * MOST_ADMITTED
    assert {(root.id, root.parent_id) for root in kept.traces} == {(TRACE, CALLER)}


def test_what_others_have_not_sampled_is_not_either(kept: Kept) -> None:
    a_trace(Telemetry(sink=kept), remote=Parent(TRACE, CALLER, False))

    assert kept.traces == []


def test_others_are_not_followed_where_that_is_turned_off(kept: Kept) -> None:
    telemetry = Telemetry(sink=kept, sample=1.0, follows=False)

    a_trace(telemetry, remote=Parent(TRACE, CALLER, False))

    assert len(kept.traces) == 1


def test_a_span_that_ends_after_its_trace_was_kept_is_added(kept: Kept) -> None:
    telemetry = Telemetry(sink=kept)
    root = telemetry.tracepoint("http.request").root()
    late = telemetry.tracepoint("sql.statement").leaf()
    root.end()
    late.end()

    assert (kept.traces, kept.late) == ([root], [late])
    assert late.trace_id == root.trace_id


def test_a_task_that_outlives_a_dropped_trace_begins_others(kept: Kept) -> None:
    telemetry = Telemetry(sink=kept, sample=0.0)
    root = telemetry.tracepoint("http.request").root()
    root.end()

    later = telemetry.tracepoint("sql.statement").leaf()
    later.fail(ValueError())

    assert kept.traces == [later]
    assert later.trace_id != root.trace_id


def test_a_failure_that_comes_after_its_trace_was_dropped_is_kept(kept: Kept) -> None:
    telemetry = Telemetry(sink=kept, sample=0.0)
    root = telemetry.tracepoint("http.request").root()
    late = telemetry.tracepoint("handler.call").leaf()
    root.end()
    late.fail(ValueError())

    assert kept.traces == [root]
    assert root.spans == [late]


def test_a_stream_that_was_dropped_and_is_kept_after_all_took_until_its_head(kept: Kept) -> None:
    telemetry = Telemetry(sink=kept, sample=0.0)
    root = telemetry.tracepoint("http.request").root()
    late = telemetry.tracepoint("handler.call").leaf()
    root.answered = root.began + 0.001
    root.end_at(root.began + 0.5)
    late.fail(ValueError())

    assert kept.traces == [root]
    assert root.duration == pytest.approx(1e6)


def test_a_trace_keeps_so_many_spans_and_counts_the_others(kept: Kept) -> None:
    telemetry = Telemetry(sink=kept)
    root = telemetry.tracepoint("http.request").root()
    for _ in range(MOST_SPANS + 3):
        telemetry.tracepoint("sql.statement").leaf().end()
    root.end()
    for _ in range(MOST_SPANS + 3):
        leaf = telemetry.tracepoint("sql.statement").leaf()
        leaf.end()

    assert (len(root.spans), len(kept.late), root.left_out) == (MOST_SPANS, MOST_SPANS, 6)


def test_a_subject_is_described_when_its_trace_is_kept_and_let_go(kept: Kept) -> None:
    class Subject:
        name = "it"

    subject = Subject()
    gone = weakref.ref(subject)
    telemetry = Telemetry(sink=kept)
    place = telemetry.tracepoint("http.request", describe=lambda each: {"name": each.name})
    root = place.root(None, subject)
    root.end()
    del subject

    assert gone() is None
    assert root.attributes == {"name": "it"}


@pytest.mark.parametrize("answered", [0.0, 1.0])
def test_a_dropped_trace_lets_its_subject_go(kept: Kept, answered: float) -> None:
    root = Telemetry(sink=kept, sample=0.0).tracepoint("http.request").root(None, object())
    root.answered = answered and root.began
    root.end()

    assert (kept.traces, root.subject, root.steps) == ([], None, None)


def test_a_dropped_trace_leaves_nothing_to_the_collector(kept: Kept) -> None:
    telemetry = Telemetry(sink=kept, sample=0.0)

    class Value:
        pass

    async def task() -> weakref.ref[Value]:
        root, value = telemetry.tracepoint("http.request").root(), Value()
        span = telemetry.tracepoint("sql.statement").leaf()
        span.own = {"value": value}
        span.end()
        root.end()
        return weakref.ref(value)

    gc.collect()
    gc.disable()
    try:
        assert asyncio.run(task())() is None
    finally:
        gc.enable()


def test_ids_are_as_the_w3c_has_them_and_no_two_alike(kept: Kept) -> None:
    telemetry = Telemetry(sink=kept)
    roots = [a_trace(telemetry) for _ in range(1000)]
    spans = [span for root in roots for span in [root, *root.spans]]

    assert len({root.id for root in roots}) == 1000
    assert len({span.span_id for span in spans}) == 2000
    assert {len(root.id) for root in roots} == {32}
    assert {len(span.span_id) for span in spans} == {16}


def test_a_root_is_the_current_span_of_its_task_only(kept: Kept) -> None:
    telemetry = Telemetry(sink=kept)

    async def task() -> Span | None:
        telemetry.tracepoint("http.request").root()
        return current_span()

    async def main() -> None:
        assert await asyncio.create_task(task()) is not None
        assert current_span() is None

    asyncio.run(main())
