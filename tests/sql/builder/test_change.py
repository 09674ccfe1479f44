"""Insert, update and delete."""

from __future__ import annotations

import sqlite3

import pytest

from runtime.engines.sql.builder import delete, expr, insert, update
from tests.support.users import ids


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


def test_values_must_fit_their_places() -> None:
    with pytest.raises(ValueError, match="1 values for 2"):
        insert("users").columns("id", "name").values(1)
    with pytest.raises(ValueError, match="2 values for 1 placeholders"):
        expr("a = ?", 1, 2)


def test_an_empty_condition_never_changes_or_deletes_all() -> None:
    with pytest.raises(ValueError, match=r"leave where\(\) out to mean every row"):
        delete("users").where({})
    with pytest.raises(ValueError, match=r"leave where\(\) out"):
        update("users").set({"age": 1}).where({})
    with pytest.raises(ValueError, match="sets nothing"):
        update("users").set({})
    with pytest.raises(ValueError, match="sets nothing"):
        update("users").render()


def test_an_insert_takes_expressions_and_defaults(db: sqlite3.Connection) -> None:
    new = insert("users").columns("id", "name").values(10, expr("upper(?)", "x")).values(11, "y")
    db.execute(*new.returning("id").render())
    db.execute(*insert("users").render())

    assert db.execute("SELECT id, name FROM users WHERE id > 9").fetchall() == [
        (10, "X"),
        (11, "y"),
        (12, None),
    ]
    with pytest.raises(ValueError, match="has columns and no values"):
        insert("users").columns("id").render()
