"""The ring of traces: what is kept there, for how long, and how it is found again."""

from __future__ import annotations

import msgspec
import pytest

from runtime.engines.management.traces import traces as module
from runtime.engines.management.traces.record import TraceRecord
from runtime.engines.management.traces.traces import MOST_PENDING, Traces
from runtime.telemetry import Parent, Telemetry
from tests.support.traced import (
    MESSAGE,
    REQUEST,
    attempt,
    raised,
    request,
    telemetry_of,
    unfinished,
)


@pytest.fixture
def traces() -> Traces:
    return Traces()


@pytest.fixture
def telemetry(traces: Traces) -> Telemetry:
    return telemetry_of(traces)


def test_a_trace_has_its_spans_with_their_times_and_attributes(
    traces: Traces, telemetry: Telemetry
) -> None:
    root, send = request(telemetry)

    (trace,) = traces.newest()
    assert (trace.id, trace.root.id) == (root.id, root.span_id)
    titles = [(span.title, span.entry) for span in trace.spans]
    assert titles == [
        ("POST /tasks", "app:create"),
        ("send app:tasks", "app:tasks"),
        ("create", "app:create"),
    ]
    by_id = {span.id: span for span in trace.spans}
    parents = [by_id[span.parent].title if span.parent else None for span in trace.spans]
    assert parents == [None, "create", "POST /tasks"]
    assert by_id[send.span_id].attributes == {"messaging.message.id": MESSAGE}
    assert all(
        trace.root.began <= span.began
        and span.began + span.duration <= trace.root.began + trace.root.duration
        for span in trace.spans
    )


@pytest.mark.parametrize("what", ["trace", "beginning", "request", "message"])
def test_a_trace_is_found_by_each_of_its_ids(
    traces: Traces, telemetry: Telemetry, what: str
) -> None:
    root, _ = request(telemetry)
    request(telemetry, id="another")
    id = {"trace": root.id, "beginning": root.id[:8], "request": REQUEST, "message": MESSAGE}[what]

    assert traces.find(id)[0].id == root.id
    assert traces.find("unheard of") == []


def test_all_attempts_of_a_message_are_found_together(traces: Traces, telemetry: Telemetry) -> None:
    root, send = request(telemetry)
    attempt(telemetry, 1, parent=Parent(root.id, send.span_id), error=raised(ValueError("no")))
    retried = attempt(telemetry, 2)
    attempt(telemetry, 1, id="another")

    found = traces.find(REQUEST)

    assert [trace.root.title for trace in found] == [
        "POST /tasks",
        "process app:tasks",
        "process app:tasks",
    ]
    assert [trace.id for trace in found] == [root.id, root.id, retried.id]
    assert found == traces.find(retried.id) == traces.find(MESSAGE)


def test_an_error_is_kept_as_text_and_with_its_place(traces: Traces, telemetry: Telemetry) -> None:
    traces.redact = lambda text: text.replace("secret", "[hidden]")
    attempt(telemetry, error=raised(ValueError("the secret is wrong")))

    (trace,) = traces.newest()
    error = next(span.error for span in trace.spans if span.name == "handler.call")
    assert error is not None
    assert (error.type, error.text) == ("ValueError", "the [hidden] is wrong")
    assert error.place.startswith("tests/support/traced.py:")


def test_the_oldest_traces_make_room_for_new_ones(
    traces: Traces, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_SPANS", 9)
    for number in range(5):
        request(telemetry, id=f"request-{number}")

    kept = [trace.root.attributes["runtime.request.id"] for trace in traces.newest()]

    assert kept == ["request-4", "request-3", "request-2"]


def test_what_ends_faster_than_it_is_recorded_is_lost_and_counted(
    traces: Traces, telemetry: Telemetry
) -> None:
    for _ in range(MOST_PENDING + 3):
        telemetry.tracepoint("sql.statement").leaf().end()

    assert len(traces.newest()) == MOST_PENDING
    assert traces.lost == 3


def test_a_span_that_ends_late_comes_into_its_trace(traces: Traces, telemetry: Telemetry) -> None:
    root, late = unfinished(telemetry)
    root.end()
    traces.fold()
    late.end()

    (trace,) = [each for each in traces.newest() if each.id == root.id]
    assert [span.name for span in trace.spans] == ["http.request", "handler.call"]


def test_a_parent_has_the_traces_and_errors_of_its_workers(
    traces: Traces, telemetry: Telemetry
) -> None:
    parent = Traces()
    traces.send_to_parent()
    request(telemetry)
    event = {"level": "error", "time": "2026-11-28T06:00:00.000Z", "entry": "app:work"}
    traces.errors.tap(event, raised(ValueError("no")))

    frame = traces.take()
    parent.merge(frame, 2)

    (trace,) = parent.newest()
    assert (trace.worker, len(trace.spans)) == (2, 3)
    assert [(group.count, group.worker) for group in parent.errors.groups()] == [(1, 2)]
    assert traces.take() == b""


def test_a_frame_for_the_parent_is_of_bounded_size(
    traces: Traces, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces.send_to_parent()
    for _ in range(3):
        request(telemetry)
    monkeypatch.setattr(module, "LARGEST_FRAME", 1)

    frames = [traces.take() for _ in range(4)]

    counts = [len(msgspec.json.decode(frame)["traces"]) if frame else 0 for frame in frames]
    assert counts == [1, 1, 1, 0]


def test_who_exports_is_told_of_each_trace_and_of_late_spans(
    traces: Traces, telemetry: Telemetry
) -> None:
    told: list[TraceRecord] = []
    traces.exported = told.append
    root, late = unfinished(telemetry)
    root.end()
    late.end()
    traces.fold()

    names = [[span.name for span in each.spans] for each in told if each.id == root.id]
    assert names == [["http.request"], ["handler.call"]]
