"""Identifiers: only plain names are let through, and they are quoted."""

from __future__ import annotations

import sqlite3

import pytest

from runtime.engines.sql.builder import InvalidIdentifier, delete, eq, insert, select, update


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


def test_a_misspelt_column_is_an_error_and_not_a_text(db: sqlite3.Connection) -> None:
    for query in (
        select("nmae").from_("users"),
        select("id").from_("users").where({"nmae": "ann"}),
        select("id").from_("users").order_by("nmae"),
    ):
        with pytest.raises(sqlite3.OperationalError, match="no such column: nmae"):
            db.execute(*query.render())


@pytest.mark.parametrize("letter", ["\u017f", "\u212a", "\u0131", "é", "\uff41"])
def test_letters_beyond_ascii_are_no_letters_of_a_name(letter: str) -> None:
    for build in (
        lambda: select(f"a{letter}"),
        lambda: select(f"count({letter})"),
        lambda: select("id").from_(letter),
        lambda: select("id").from_("t").order_by(f"id de{letter}c"),
        lambda: eq(letter, 1),
        lambda: insert("t").columns(letter),
        lambda: update("t").set({letter: 1}),
        lambda: delete(letter),
    ):
        with pytest.raises(InvalidIdentifier):
            build()
