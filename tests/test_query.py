"""The query builder: what it writes, what SQLite makes of it, and what it refuses."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from runtime.query import (
    InvalidIdentifier,
    and_,
    delete,
    eq,
    expr,
    gt,
    gte,
    insert,
    like,
    lt,
    lte,
    not_,
    not_eq,
    not_like,
    or_,
    select,
    update,
)

ROWS = [(1, "ann", 30, None), (2, "bob", 20, 1), (3, "cid", 40, 1), (4, "di'; --", 20, None)]


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age, boss)")
    connection.executemany("INSERT INTO users VALUES (?, ?, ?, ?)", ROWS)
    yield connection
    connection.close()


def ids(db: sqlite3.Connection, condition: Any, *values: Any) -> list[int]:
    built = select("id").from_("users").where(condition, *values).order_by("id")
    return [row[0] for row in db.execute(*built.render())]


def test_the_seeds_query_is_one_text_for_every_value(db: sqlite3.Connection) -> None:
    def built(name: str) -> tuple[str, tuple[Any, ...]]:
        query = select("id", "name").from_("users").order_by("age DESC").limit(100)
        return query.where({"name": name}).render()

    assert built("ann")[0] == built("bob")[0]
    assert built("ann")[1] == ("ann", 100)
    assert db.execute(*built("ann")).fetchall() == [(1, "ann")]


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


def test_joins_groups_and_aggregates(db: sqlite3.Connection) -> None:
    pairs = (
        select("u.name", "b.name AS boss")
        .from_("users u")
        .left_join("users b", {"b.id": "u.boss"})
        .order_by("u.id")
    )
    counts = (
        select("age", "count(*) AS n")
        .from_("users")
        .group_by("age")
        .having(expr("count(*) > ?", 1))
    )

    assert db.execute(*pairs.render()).fetchall()[1] == ("bob", "ann")
    assert db.execute(*counts.render()).fetchall() == [(20, 2)]
    assert db.execute(*select("age").distinct().from_("users").render()).fetchall() == [
        (30,),
        (20,),
        (40,),
    ]


def test_limit_and_offset_are_bound(db: sqlite3.Connection) -> None:
    text, values = select("id").from_("users").order_by("id").limit(2).offset(1).render()

    assert values == (2, 1)
    assert db.execute(text, values).fetchall() == [(2,), (3,)]


def test_a_builder_is_never_changed(db: sqlite3.Connection) -> None:
    everybody = select("id").from_("users")
    everybody.where({"id": 1}).limit(1)

    assert len(db.execute(*everybody.render()).fetchall()) == 4


def test_rows_are_inserted_changed_and_deleted(db: sqlite3.Connection) -> None:
    new = insert("users").columns("id", "name").values(5, "eve").values(6, "fay")
    db.execute(*new.render())
    db.execute(*insert("users").set({"id": 7, "name": "gil"}).render())
    db.execute(
        *update("users").set({"age": expr("coalesce(age, 0) + ?", 1)}).where({"id": 5}).render()
    )
    db.execute(*delete("users").where({"id": [6, 7]}).render())

    assert db.execute("SELECT id, age FROM users WHERE id > 4").fetchall() == [(5, 1)]


def test_a_row_that_is_there_already_may_be_left_alone_or_changed(db: sqlite3.Connection) -> None:
    again = insert("users").set({"id": 1, "name": "new"})
    db.execute(*again.on_conflict_do_nothing().render())
    db.execute(*again.or_ignore().render())
    assert ids(db, {"name": "ann"}) == [1]

    changed = again.on_conflict_do_update("id", set={"name": expr("excluded.name")})
    db.execute(*changed.render())
    assert ids(db, {"name": "new"}) == [1]
    returned = insert("users").set({"id": 9, "name": "x"}).returning("id")
    assert db.execute(*returned.render()).fetchall() == [(9,)]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a b c d",
        "a;b",
        "a--b",
        'a"b',
        "a'b",
        "a\0b",
        "users; DROP TABLE users",
        "é(",
        "1+1",
        "a)",
    ],
)
def test_what_is_no_identifier_is_refused(name: str) -> None:
    with pytest.raises((InvalidIdentifier, ValueError)):
        select(name).from_("users").render()
    with pytest.raises((InvalidIdentifier, ValueError)):
        select("id").from_(name).order_by(name).render()
    with pytest.raises((InvalidIdentifier, ValueError)):
        select("id").from_("users").where({name: 1}).render()
    with pytest.raises((InvalidIdentifier, ValueError)):
        insert("users").set({name: 1}).render()


@pytest.mark.parametrize("name", ["select", "order", "group", "TABLE", "a_1"])
def test_a_word_of_sql_may_be_a_name(name: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(f'CREATE TABLE "{name}" ("{name}")')

    connection.execute(*insert(name).set({name: 1}).render())

    assert connection.execute(
        *select(name).from_(name).order_by(f"{name} DESC").render()
    ).fetchone() == (1,)
    connection.close()


@pytest.mark.parametrize("value", [-1, 1.5, True, "1; DROP TABLE users"])
def test_a_limit_is_a_number(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        select("id").from_("users").limit(value)


def test_values_must_fit_their_places() -> None:
    with pytest.raises(ValueError, match="1 values for 2"):
        insert("users").columns("id", "name").values(1)
    with pytest.raises(ValueError, match="2 values for 1 placeholders"):
        expr("a = ?", 1, 2)
