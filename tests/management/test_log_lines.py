"""The last lines of the log: bounded, found by entry and level, and without secrets."""

from __future__ import annotations

import io
import logging
from typing import Any

import msgspec

from runtime.engines.management.log_lines import (
    LONGEST_DETAILS,
    LONGEST_MESSAGE,
    LONGEST_STACK,
    MOST,
    MOST_ENTRIES,
    MOST_OF_ENTRY,
    LogLine,
    LogLines,
)
from runtime.engines.management.traces.traces import LINES_OF_FRAME, Traces
from runtime.log.log import Log

SECRET = "canary-7f3a9c21"


class Told:
    """A log whose lines are kept, and its lines."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.log = Log(self.stream, json=True)
        self.lines = LogLines(self.log.redact)
        self.log.taps.append(self.lines.tap)

    def say(self, message: str, level: int = logging.INFO, **more: Any) -> None:
        self.log.write(level, "test", message, **more)


def texts(lines: list[LogLine]) -> list[str]:
    return [each.message for each in lines]


def test_the_newest_line_comes_first_with_its_fields_and_ids() -> None:
    told = Told()
    told.say("first")
    told.say("second", entry="app:work", fields={"path": "/a"}, ids={"message_id": "m1"})
    second, first = told.lines.newest()

    assert (first.message, first.entry, first.details) == ("first", "", "")
    assert (second.entry, second.details) == ("app:work", "path=/a message_id=m1")
    assert second.number > first.number
    assert second.at.endswith("Z")


def test_lines_are_chosen_by_entry_level_and_number() -> None:
    told = Told()
    told.say("a", entry="app:a")
    told.say("b", logging.WARNING, entry="app:b")
    told.say("c", logging.ERROR, entry="app:a")
    newest = told.lines.newest

    assert texts(newest(["app:a"])) == ["c", "a"]
    assert texts(newest(["app:a", "app:b"], "warning")) == ["c", "b"]
    assert texts(newest(level="error")) == ["c"]
    assert texts(newest(after=newest()[1].number)) == ["c"]
    assert texts(newest(limit=2)) == ["c", "b"]


def test_however_much_others_write_the_last_lines_of_an_entry_are_kept() -> None:
    told = Told()
    for number in range(MOST_OF_ENTRY + 5):
        told.say(f"quiet {number}", entry="app:quiet")
    for number in range(MOST + 5):
        told.say(f"loud {number}", entry="app:loud")

    assert len(told.lines.newest()) == MOST
    quiet = texts(told.lines.newest(["app:quiet"]))
    assert quiet == [f"quiet {number}" for number in range(MOST_OF_ENTRY + 4, 4, -1)]


def test_nothing_that_is_logged_can_make_it_grow_beyond_its_bounds() -> None:
    told = Told()
    long = "x" * 10_000
    for number in range(MOST_ENTRIES * 2):
        told.say(long, entry=f"app:{number}", fields={"long": long, "longer": [long]})
    try:
        raise ValueError(long)
    except ValueError as error:
        told.say("failed", logging.ERROR, error=error)
    newest = told.lines.newest()

    assert len(newest[0].stack) == LONGEST_STACK
    assert max(len(each.message) for each in newest) == LONGEST_MESSAGE
    assert max(len(each.details) for each in newest) == LONGEST_DETAILS
    for number in range(MOST):
        told.say(f"{number}")
    assert told.lines.newest([f"app:{MOST_ENTRIES * 2 - 1}"]) == []
    assert len(told.lines.newest(["app:0"])) == 1


def test_no_line_shows_what_the_log_hides() -> None:
    told = Told()
    told.log.hide([SECRET])
    told.say(
        f"a {SECRET}", fields={"text": SECRET, "list": [SECRET], SECRET: 1}, ids={"id": SECRET}
    )
    told.say("cut", fields={"long": "x" * (LONGEST_DETAILS - 12) + SECRET})
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        told.say("failed", error=error)

    for shown in (msgspec.json.encode(told.lines.newest()).decode(), told.stream.getvalue()):
        assert SECRET not in shown
        assert SECRET[:8] not in shown


def test_a_value_without_a_text_loses_no_line() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    told = Told()
    told.say("kept", fields={"broken": Broken()})

    assert "Broken without a text" in told.lines.newest()[0].details


def test_a_parent_is_told_the_lines_of_its_workers() -> None:
    worker, parent = Traces(), Traces()
    worker.send_to_parent()
    log = Log(io.StringIO())
    log.taps.append(worker.lines.tap)
    for number in range(LINES_OF_FRAME + 1):
        log.write(logging.INFO, "test", f"line {number}")
    while frame := worker.take():
        parent.merge(frame, 2)

    newest = parent.lines.newest()
    assert len(newest) == LINES_OF_FRAME + 1
    assert (newest[0].message, newest[0].worker) == (f"line {LINES_OF_FRAME}", 2)
