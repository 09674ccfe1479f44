"""The query builder: what it writes, what SQLite makes of it, and what it refuses."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from runtime.engines.sql.builder import (
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
        ({"id": select("boss").from_("users").where({"id": 2})}, [1]),
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


def test_an_empty_condition_never_changes_or_deletes_all() -> None:
    with pytest.raises(ValueError, match=r"leave where\(\) out to mean every row"):
        delete("users").where({})
    with pytest.raises(ValueError, match=r"leave where\(\) out"):
        update("users").set({"age": 1}).where({})
    with pytest.raises(ValueError, match="sets nothing"):
        update("users").set({})
    with pytest.raises(ValueError, match="sets nothing"):
        update("users").render()


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


def test_a_value_true_is_never_taken_for_one_by_a_cache(db: sqlite3.Connection) -> None:
    texts = [select("id", expr("typeof(?)", value)).from_("users") for value in (1, True, 1.0)]

    assert [type(query.render()[1][0]) for query in texts] == [int, bool, float]


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
