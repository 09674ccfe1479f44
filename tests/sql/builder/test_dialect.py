"""Dialects: the same statement, written for a database that is not SQLite."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runtime.engines.sql.builder import and_, delete, expr, insert, not_, or_, select, update
from runtime.engines.sql.builder.dialect import SQLITE, Dialect
from runtime.engines.sql.builder.layout import Layout, Section
from tests.support.databases import run, tasks

OTHER = Dialect(
    name="Other",
    select=Layout(
        *(
            Section("limit", " LIMIT ", single=True) if section.clause == "limit" else section
            for section in SQLITE.select.sections
        )
    ),
    insert=Layout(
        Section("verb", ""),
        Section("into", " INTO "),
        Section("columns", " ", single=True),
        Section("values", " VALUES ", ", "),
        Section("conflict", " ", " "),
        Section("or", " ", single=True, words={"IGNORE": "ON CONFLICT DO NOTHING"}),
    ),
    change=SQLITE.change,
    quote='"',
    placeholder="${}",
    in_items="= ANY(?)",
    bind_items=list,
)
"""As PostgreSQL has it, but for `returning`, which is left out."""


def written(statement: Any) -> tuple[str, tuple[Any, ...]]:
    text, values = statement.render(OTHER)
    return text, values


def test_names_are_quoted_and_placeholders_numbered_as_the_dialect_has_it() -> None:
    query = (
        select("u.id", "count(*) AS n")
        .from_("users u")
        .left_join("tasks t", {"t.user": "u.id"})
        .where({"u.name": "ann"})
        .where("u.age > ? OR u.age IS NULL", 20)
        .offset(5)
    )

    assert written(query) == (
        'SELECT "u"."id", count(*) AS "n" FROM "users" AS "u" '
        'LEFT JOIN "tasks" AS "t" ON "t"."user" = "u"."id" '
        'WHERE "u"."name" = $1 AND (u.age > $2 OR u.age IS NULL) OFFSET $3',
        ("ann", 20, 5),
    )


def test_what_only_looks_like_a_placeholder_or_a_name_stays() -> None:
    query = select(expr("'? `a`'"), expr("? /* ? */", 1)).from_("t")

    assert written(query) == ("""SELECT '? `a`', $1 /* ? */ FROM "t\"""", (1,))


def test_a_list_is_one_value_in_every_dialect() -> None:
    assert written(delete("t").where({"id": [1, 2]})) == (
        'DELETE FROM "t" WHERE "id" = ANY($1)',
        ([1, 2],),
    )


def test_a_select_inside_a_condition_is_translated_too() -> None:
    inner = select("user").from_("tasks").where({"status": "new"})

    assert written(update("users").set({"busy": 1}).where({"id": inner})) == (
        'UPDATE "users" SET "busy" = $1 WHERE "id" IN '
        '(SELECT "user" FROM "tasks" WHERE "status" = $2)',
        (1, "new"),
    )


@pytest.mark.parametrize(
    ("condition", "text"),
    [(and_(), "1 = 1"), (or_(), "1 = 0"), ({"id": []}, "1 = 0"), (not_({}), "NOT (1 = 1)")],
)
def test_truth_values_are_written_as_every_database_reads_them(condition: Any, text: str) -> None:
    assert text in written(select("id").from_("t").where(condition))[0]


def test_an_insert_that_ignores_conflicts_has_the_words_of_the_dialect() -> None:
    new = insert("t").columns("id").values(1)

    assert written(new.or_replace().or_ignore())[0] == (
        'INSERT INTO "t" ("id") VALUES ($1) ON CONFLICT DO NOTHING'
    )
    assert new.or_ignore().render()[0] == "INSERT OR IGNORE INTO `t` (`id`) VALUES (?)"


def test_a_clause_that_a_dialect_does_not_have_is_refused() -> None:
    new = insert("t").columns("id").values(1)

    with pytest.raises(ValueError, match="Other has no OR REPLACE"):
        new.or_replace().render(OTHER)
    with pytest.raises(ValueError, match="Other has no clause 'returning'"):
        new.returning("id").render(OTHER)


class Recorder:
    """A target that returns what it is asked to run."""

    dialect = OTHER

    def query(self, text: str, parameters: Any = ()) -> tuple[str, Any]:
        return text, parameters

    query_one = execute = query


def test_a_statement_is_written_for_the_database_that_it_runs_on() -> None:
    query = select("id").from_("t").where({"id": 1})
    bound = query.run_with(Recorder())

    expected = ('SELECT "id" FROM "t" WHERE "id" = $1', (1,))
    assert bound.query() == bound.query_one() == bound.execute() == expected
    assert query.render()[0] == "SELECT `id` FROM `t` WHERE `id` = ?"


def test_a_sqlite_database_and_its_transactions_have_its_dialect() -> None:
    async def main() -> None:
        async with tasks() as db:
            assert db.dialect is db.blocking.dialect is SQLITE
            async with db.transaction() as tx:
                assert tx.dialect is tx.blocking.dialect is SQLITE
            await asyncio.to_thread(blocking, db)

    def blocking(db: Any) -> None:
        with db.blocking.transaction() as tx:
            assert select("id").from_("tasks").run_with(tx).query() == []

    run(main())
