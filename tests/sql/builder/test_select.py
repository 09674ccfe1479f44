"""Select: columns, joins, groups, order and limits."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from runtime.engines.sql.builder import expr, select


def test_the_seeds_query_is_one_text_for_every_value(db: sqlite3.Connection) -> None:
    def built(name: str) -> tuple[str, tuple[Any, ...]]:
        query = select("id", "name").from_("users").order_by("age DESC").limit(100)
        return query.where({"name": name}).render()

    assert built("ann")[0] == built("bob")[0]
    assert built("ann")[1] == ("ann", 100)
    assert db.execute(*built("ann")).fetchall() == [(1, "ann")]


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


@pytest.mark.parametrize("value", [-1, 1.5, True, "1; DROP TABLE users"])
def test_a_limit_is_a_number(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        select("id").from_("users").limit(value)


@pytest.mark.parametrize(
    ("term", "name"),
    [
        ("count(*)", "count(*)"),
        ("COUNT( * ) AS n", "n"),
        ("count(distinct u.age)", "count(distinct u.age)"),
        ("max(age) oldest", "oldest"),
        ("u.name", "name"),
        ("name AS who", "who"),
    ],
)
def test_what_is_selected_is_called_as_it_is_written(
    term: str, name: str, db: sqlite3.Connection
) -> None:
    cursor = db.execute(*select(term).from_("users u").render())

    assert [column[0] for column in cursor.description] == [name]


def test_terms_may_stand_in_one_text_and_beside_expressions(db: sqlite3.Connection) -> None:
    query = (
        select("id, name", expr("age + ? AS older", 1))
        .from_("users")
        .order_by("age DESC NULLS LAST, name", expr("id + ?", 0))
        .limit(1)
    )

    assert db.execute(*query.render()).fetchall() == [(3, "cid", 41)]


def test_the_last_limit_and_table_count_and_an_offset_needs_no_limit(
    db: sqlite3.Connection,
) -> None:
    query = select("id").from_("nowhere").from_("users").order_by("id")

    assert db.execute(*query.limit(1).limit(2).render()).fetchall() == [(1,), (2,)]
    assert db.execute(*query.offset(3).render()).fetchall() == [(4,)]
    assert len(db.execute(*select().from_("users").render()).description) == 4


def test_an_inner_join_takes_words_with_values(db: sqlite3.Connection) -> None:
    query = (
        select("u.name", "b.name AS boss")
        .from_("users AS u")
        .join("users b", "b.id = u.boss AND b.age > ?", 10)
        .where({"u.id": 3})
        .limit(5)
    )

    assert query.render()[1] == (10, 3, 5)
    assert db.execute(*query.render()).fetchall() == [("cid", "ann")]


def test_values_follow_the_order_of_the_text_and_not_of_the_calls(db: sqlite3.Connection) -> None:
    query = select("id").limit(7).where({"age": 20}).order_by("id").from_("users")

    assert query.render()[1] == (20, 7)
    assert db.execute(*query.render()).fetchall() == [(2,), (4,)]


def test_a_value_true_is_never_taken_for_one_by_a_cache(db: sqlite3.Connection) -> None:
    texts = [select("id", expr("typeof(?)", value)).from_("users") for value in (1, True, 1.0)]

    assert [type(query.render()[1][0]) for query in texts] == [int, bool, float]
