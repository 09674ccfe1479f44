"""Errors, grouped by their type and the line that raised them."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.engines.management.traces import errors as module
from runtime.engines.management.traces.errors import Errors


@pytest.fixture
def errors() -> Errors:
    return Errors(lambda text: text.replace("secret", "[hidden]"))


def event(minute: int, **more: Any) -> dict[str, Any]:
    time = f"2026-11-28T06:{minute:02d}:00.000Z"
    return {"time": time, "level": "error", "logger": "runtime.http", "entry": "app:work", **more}


def first(text: str) -> ValueError:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def second(text: str) -> ValueError:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def test_errors_of_one_type_and_place_are_one_group(errors: Errors) -> None:
    errors.tap(event(1, message_id="m-1", trace_id="t-1"), first("a"))
    errors.tap(event(2, message_id="m-2"), first("the secret"))
    errors.tap(event(3, request_id="r-1"), second("c"))

    newest, older = errors.groups()
    assert (newest.count, newest.request_id, newest.text) == (1, "r-1", "c")
    assert older.type == "ValueError"
    assert older.place.startswith("tests/management/traces/test_errors.py:")
    assert (older.count, older.text, older.entry) == (2, "the [hidden]", "app:work")
    assert (older.first, older.last) == (event(1)["time"], event(2)["time"])
    assert (older.message_id, older.trace_id) == ("m-2", "t-1")


def test_lines_without_an_error_and_harmless_ones_are_none(errors: Errors) -> None:
    errors.tap(event(1), None)
    errors.tap(event(1, level="info"), first("a"))

    assert errors.groups() == []


def test_groups_since_a_time_leave_out_what_was_before(errors: Errors) -> None:
    errors.tap(event(1), first("a"))
    errors.tap(event(5), second("b"))

    assert [group.text for group in errors.groups(event(3)["time"])] == ["b"]


def test_the_group_that_is_quiet_for_longest_makes_room(
    errors: Errors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_GROUPS", 2)
    errors.tap(event(1), first("a"))
    errors.tap(event(2), second("b"))
    errors.tap(event(3), first("a"))
    errors.tap(event(4), KeyError("c"))

    assert [group.type for group in errors.groups()] == ["KeyError", "ValueError"]
    assert errors.groups()[1].count == 2


def test_errors_without_a_place_are_grouped_by_their_entry(errors: Errors) -> None:
    errors.tap(event(1), KeyError("a"))
    errors.tap(event(2, entry="app:other"), KeyError("b"))
    errors.tap(event(3), KeyError("c"))

    assert [(group.entry, group.count) for group in errors.groups()] == [
        ("app:work", 2),
        ("app:other", 1),
    ]


def test_a_worker_tells_its_counts_once(errors: Errors) -> None:
    parent = Errors(str)
    errors.tap(event(1), first("a"))
    parent.merge(errors.take())
    errors.tap(event(2), first("a"))
    errors.tap(event(3), first("a"))
    parent.merge(errors.take())
    parent.merge(errors.take())

    assert [group.count for group in parent.groups()] == [3]
    assert [group.count for group in errors.groups()] == [3]
