"""A trace as rows: spans below their parents, waits, attempts and log lines."""

from __future__ import annotations

import msgspec
import pytest

from runtime.cli.waterfall import ASCII, BLOCKS, NARROWEST, Axis, draw
from runtime.codec import encode_response
from runtime.engines.management.traces.traces import Traces
from runtime.engines.management.traces.waterfall import Waterfall, waterfall
from runtime.telemetry import Parent
from tests.support.traced import MESSAGE, attempt, raised, request, telemetry_of


@pytest.fixture
def picture() -> Waterfall:
    """A request whose message fails once."""
    traces = Traces()
    telemetry = telemetry_of(traces)
    root, send = request(telemetry)
    attempt(telemetry, 1, parent=Parent(root.id, send.span_id), error=raised(ValueError("no")))
    attempt(telemetry, 2)
    return waterfall(traces.find(MESSAGE))


def drawn(picture: Waterfall, width: int, **options: object) -> list[str]:
    plain = msgspec.json.decode(encode_response(picture))
    return [*draw(plain, width, options.get("signs", BLOCKS), colour=bool(options.get("colour")))]  # type: ignore[arg-type]


def test_the_rows_go_from_the_request_to_the_last_attempt(picture: Waterfall) -> None:
    assert [(row.depth, row.title, row.state) for row in picture.rows] == [
        (0, "POST /tasks", "ok"),
        (1, "create", "ok"),
        (2, "send app:tasks", "ok"),
        (1, "waits in app:tasks", "wait"),
        (1, "process app:tasks, attempt 1", "failed"),
        (2, "work", "failed"),
        (3, "INSERT tasks", "ok"),
        (1, "waits for its retry", "wait"),
        (1, "process app:tasks, attempt 2", "ok"),
        (2, "work", "ok"),
        (3, "INSERT tasks", "ok"),
    ]
    assert picture.title == "POST /tasks → app:tasks → work → tasks"
    assert not picture.failed


def test_a_wait_lasts_from_one_hand_to_the_next(picture: Waterfall) -> None:
    send, wait, process = picture.rows[2], picture.rows[3], picture.rows[4]

    assert wait.began == pytest.approx(send.ended)
    assert wait.ended == pytest.approx(process.began)


def test_a_failure_says_what_and_where(picture: Waterfall) -> None:
    work = picture.rows[5]

    assert work.note.startswith("ValueError: no at tests/support/traced.py:")


def test_log_lines_have_their_time(picture: Waterfall) -> None:
    assert [line.text for line in picture.lines] == ["working", "working"]
    assert all(0 <= line.at <= picture.duration for line in picture.lines)


def test_what_was_published_by_a_failed_request_is_shown_too() -> None:
    traces = Traces()
    request(telemetry_of(traces), status=500)

    picture = waterfall(traces.newest())

    assert picture.failed
    assert picture.rows[0].note == "500"


@pytest.mark.parametrize("width", [20, 50, 80, 200])
def test_a_drawing_fits_the_terminal(picture: Waterfall, width: int) -> None:
    lines = drawn(picture, width)

    assert max(map(len, lines)) <= max(width, NARROWEST)
    assert len([line for line in lines if "█" in line or "▓" in line]) == 9
    assert len([line for line in lines if BLOCKS.wait in line]) == 2


def test_a_failure_is_seen_without_colour_and_without_unicode(picture: Waterfall) -> None:
    lines = drawn(picture, 100, signs=ASCII)

    assert [line for line in lines if "! process app:tasks, attempt 1" in line]
    assert "\n".join(lines[3:]).isascii()


def test_colour_is_added_and_nothing_else(picture: Waterfall) -> None:
    import click

    coloured = drawn(picture, 100, colour=True)

    assert [click.unstyle(line) for line in coloured] == drawn(picture, 100)
    assert coloured != drawn(picture, 100)


def test_a_long_wait_is_drawn_short() -> None:
    axis = Axis([(0.0, 1.0), (3600.0, 3601.0)], 40)

    assert axis.cell(0.0) == 0
    assert axis.cell(3600.0) - axis.cell(1.0) == pytest.approx(3)
    assert axis.cell(1800.0) - axis.cell(1.0) == pytest.approx(1.5, abs=0.01)
    assert axis.cell(3601.0) == pytest.approx(40)


def test_what_took_no_time_has_a_place_all_the_same() -> None:
    axis = Axis([(0.0, 0.0)], 10)

    assert axis.cell(0.0) == 0
