"""Conditions: each form of them, what it finds, and what is refused."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from runtime.engines.sql.builder import (
    and_,
    eq,
    expr,
    gt,
    gte,
    like,
    lt,
    lte,
    not_,
    not_eq,
    not_like,
    or_,
    select,
)
from tests.support.users import ids


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"age": 20}, [2, 4]),
        ({"age": 20, "boss": 1}, [2]),
        ({"boss": None}, [1, 4]),
        ({"id": [1, 3, 9]}, [1, 3]),
        ({"id": []}, []),
        ({"name": ["di'; --"]}, [4]),
        ({}, [1, 2, 3, 4]),
        (eq("id", 2), [2]),
        (not_eq("id", 2), [1, 3, 4]),
        (not_eq("boss", None), [2, 3]),
        (gt("age", 30), [3]),
        (gte("age", 30), [1, 3]),
        (lt("age", 30), [2, 4]),
        (lte("age", 30), [1, 2, 4]),
        (like("name", "%b%"), [2]),
        (not_like("name", "%b%"), [1, 3, 4]),
        (and_(gt("age", 10), lt("age", 30)), [2, 4]),
        (or_({"id": 1}, {"id": 3}), [1, 3]),
        (not_({"id": [1, 2]}), [3, 4]),
        (expr("age + ? > ?", 5, 40), [3]),
    ],
    ids=str,
)
def test_conditions_find_what_they_say(
    condition: Any, found: list[int], db: sqlite3.Connection
) -> None:
    assert ids(db, condition) == found


def test_a_condition_in_words_takes_its_values(db: sqlite3.Connection) -> None:
    assert ids(db, "age > ? AND name <> ?", 20, "cid") == [1]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"boss": [1, None]}, [1, 2, 3, 4]),
        ({"boss": [None]}, [1, 4]),
        (not_eq("boss", [1, None]), []),
        (not_eq("boss", [2]), [2, 3]),
        (not_eq("id", []), [1, 2, 3, 4]),
        ({"id": {1, 4}}, [1, 4]),
        ({"id": (2.0, 3)}, [2, 3]),
        ({"id": [True]}, [1]),
        ({"name": ["ann", b"bob", "c\0d", "é"]}, [1]),
        ({"name": [1]}, []),
        ({"id": ["1"]}, [1]),
        pytest.param({"id": select("boss").from_("users").where({"id": 2})}, [1], id="a query"),
        ({"id": expr("? + 1", 2)}, [3]),
        (gt("age", expr("? * 10", 3)), [3]),
        (and_(), [1, 2, 3, 4]),
        (or_(), []),
        (or_("id = 1 OR id = 2", [eq("id", 3)]), [1, 2, 3]),
        (and_({"id": [1, 2]}, or_({"age": 20}, {"age": 30, "id": 1})), [1, 2]),
    ],
    ids=str,
)
def test_a_filter_never_changes_its_meaning_in_silence(
    condition: Any, found: list[int], db: sqlite3.Connection
) -> None:
    assert ids(db, condition) == found


def test_a_list_of_any_length_is_one_text_so_that_sqlite_compiles_it_once() -> None:
    short = select("id").from_("users").where({"id": [1]}).render()
    long = select("id").from_("users").where({"id": list(range(5000))}).render()

    assert short[0] == long[0]
    assert len(long[1]) == 1


def test_conditions_in_words_are_kept_apart(db: sqlite3.Connection) -> None:
    query = select("id").from_("users").where("id = ? OR id = ?", 1, 2).where({"age": 20})

    assert db.execute(*query.render()).fetchall() == [(2,)]


@pytest.mark.parametrize(
    ("text", "values"),
    [("a = ?1", (1,)), ("a = :name", (1,)), ("a = @a", (1,)), ("a = '?' AND b = ?", ())],
)
def test_placeholders_of_an_expression_are_counted(text: str, values: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="placeholder"):
        expr(text, *values)


@pytest.mark.parametrize("value", [{"a": 1}, object(), iter([1])])
def test_a_filter_by_what_sql_does_not_know_names_the_column(value: Any) -> None:
    with pytest.raises(TypeError, match="column 'status' is compared with a"):
        select("id").from_("users").where({"status": value})
    with pytest.raises(TypeError, match="column 'status' is compared by < with a"):
        lt("status", value)
