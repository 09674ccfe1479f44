"""Messages, delays, outcomes and dead letters: the values of queues."""

from __future__ import annotations

import os
import uuid
from typing import Any

import pytest

from runtime.engines.queue.delay import seconds
from runtime.engines.queue.error_text import LONGEST_ERROR, describe
from runtime.engines.queue.message import check_priority, check_unique, copy_headers, next_id
from runtime.engines.queue.outcome import ACK, NACK, Dead, Nack, Reason, Reject, Retry
from runtime.engines.queue.settlement import outcome_of, outcome_of_result


@pytest.mark.parametrize(
    ("value", "expected"), [(0, 0.0), (30, 30.0), (0.5, 0.5), ("500ms", 0.5), ("1h30m", 5400.0)]
)
def test_a_delay_is_seconds_or_a_text(value: Any, expected: float) -> None:
    assert seconds(value) == expected


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "soon", "", "-1s"])
def test_what_is_no_delay_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"a delay is|is not a duration"):
        seconds(value)


@pytest.mark.parametrize("value", [1e14, 1e300, 10**400, 1_764_000_000, "999999h"])
def test_a_delay_of_more_than_ten_years_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="more than 10 years; write seconds from now"):
        seconds(value)


@pytest.mark.parametrize("value", [True, [], None, b"1s"])
def test_a_delay_of_another_type_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="a delay is of type"):
        seconds(value)


@pytest.mark.parametrize(
    ("headers", "error", "text"),
    [
        ({"n": 1}, TypeError, "header 'n' is of type int, not str"),
        ({1: "n"}, TypeError, "header 1 is of type int, not str"),
        ([("a", "b")], TypeError, "headers are of type list, not a dict"),
        ({"a": "\ud800"}, ValueError, "header 'a' has a lone surrogate"),
    ],
)
def test_headers_are_strings(headers: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        copy_headers(headers)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (10, ValueError, "'priority' is 10, not one of -9 to 9; higher goes first"),
        (-10, ValueError, "'priority' is -10, not one of -9 to 9"),
        (1.5, TypeError, "'priority' is of type float, not an integer"),
        (True, TypeError, "'priority' is of type bool, not an integer"),
    ],
)
def test_a_priority_is_one_of_nineteen(value: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        check_priority(value)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        ("", ValueError, "'unique' has 0 characters, not 1 to 255"),
        ("x" * 1000, ValueError, "'unique' has 1,000 characters"),
        (7, TypeError, "'unique' is of type int, not str"),
        ("\ud800", ValueError, "'unique' has a lone surrogate"),
    ],
)
def test_a_key_is_a_short_text(value: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        check_unique(value)


def test_ids_differ_and_look_like_uuids() -> None:
    ids = [next_id() for _ in range(1000)]

    assert len(set(ids)) == 1000
    assert ids == sorted(ids)
    assert all(str(uuid.UUID(id)) == id for id in ids)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_ids_of_its_own() -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, next_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 100).decode()
    os.close(reader)
    os.close(writer)

    assert theirs[:24] != next_id()[:24]


def test_errors_mean_outcomes() -> None:
    reject, retry, other = Reject("no"), Retry("30s"), ValueError("x")

    assert outcome_of(reject) == Dead(Reason.REJECTED, reject)
    assert outcome_of(retry) == Nack(30.0, retry)
    assert outcome_of(Retry()).delay is None  # type: ignore[union-attr]
    assert outcome_of(other) == Nack(None, other)


class Unreadable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no number"), "ValueError: no number"),
        (KeyError(), "KeyError"),
        (ValueError("\ud800"), "ValueError: \\ud800"),
        (Unreadable(), "Unreadable: (its text cannot be read)"),
    ],
)
def test_any_error_has_a_text(error: Exception, text: str) -> None:
    assert describe(error) == text


def test_the_text_of_an_error_is_bounded() -> None:
    assert len(describe(ValueError("x" * 10**6))) == LONGEST_ERROR


class Uncallable(Exception):
    def __init__(self, needed: object) -> None: ...


def test_a_returned_exception_counts_as_raised() -> None:
    reject, retry, other = Reject("no"), Retry("30s"), ValueError("x")

    assert outcome_of_result(reject) == Dead(Reason.REJECTED, reject)
    assert outcome_of_result(retry) == Nack(30.0, retry)
    assert outcome_of_result(other) == Nack(None, other)
    assert outcome_of_result(SystemExit(0)).error.code == 0  # type: ignore[union-attr]


def test_a_returned_class_of_exceptions_counts_as_raised() -> None:
    assert outcome_of_result(Reject).reason is Reason.REJECTED  # type: ignore[union-attr]
    assert type(outcome_of_result(ValueError).error) is ValueError  # type: ignore[union-attr]
    assert type(outcome_of_result(Uncallable).error) is TypeError  # type: ignore[union-attr]


@pytest.mark.parametrize("value", [None, True, 0, "", [], {}, int])
def test_any_other_value_than_false_is_an_ack(value: object) -> None:
    assert outcome_of_result(value) is ACK
    assert outcome_of_result(False) is NACK
