"""Statements: their verbs, and what has no place on a connection that is shared."""

from __future__ import annotations

import pytest

from runtime.engines.sql.postgres.script import split
from runtime.engines.sql.postgres.statement import parse


@pytest.mark.parametrize(
    ("text", "verb", "reads"),
    [
        ("select 1", "SELECT", True),
        ("-- a\n/* b /* c */ */ ; INSERT INTO t VALUES (1)", "INSERT", False),
        ("WITH a AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM a", "INSERT", False),
        ("WITH RECURSIVE n(i) AS (VALUES (1)) SELECT * FROM n", "SELECT", True),
        ("(SELECT 1) UNION (SELECT 2)", "SELECT", True),
        ("TABLE t", "TABLE", True),
        ("CREATE TABLE t (n int)", "CREATE", False),
    ],
)
def test_the_verb_is_that_of_the_whole_statement(text: str, verb: str, reads: bool) -> None:
    statement = parse(text)

    assert (statement.verb, statement.reads) == (verb, reads)


@pytest.mark.parametrize(
    ("text", "alone", "inside"),
    [
        ("BEGIN", "use the database's transaction", "leave the block to commit"),
        ("ROLLBACK TO a", "use the database's transaction", "tx.attempt"),
        ("SAVEPOINT a", "use the database's transaction", "tx.attempt"),
        ("SET search_path = a", "use SET LOCAL in a transaction", "write SET LOCAL"),
        ("SET LOCAL search_path = a", "use SET LOCAL in a transaction", None),
        ("LISTEN a", "use it in a transaction", "goes back to a pool"),
        ("CREATE TEMP TABLE t (n int)", "ON COMMIT DROP", "ON COMMIT DROP"),
        ("CREATE TEMPORARY TABLE t (n int) ON COMMIT DROP", "in a transaction", None),
        ("SELECT 1 AS n INTO TEMP t", "use CREATE TEMPORARY TABLE", "ON COMMIT DROP"),
        ("SELECT pg_advisory_lock(1)", "pg_advisory_xact_lock()", "pg_advisory_lock() would stay"),
        ("SELECT pg_try_advisory_lock_shared(1)", "pg_advisory_xact_lock", "would stay"),
        ("SELECT pg_advisory_xact_lock(1)", None, None),
        ("SELECT 'pg_advisory_lock(1)' -- pg_advisory_lock", None, None),
        ("SELECT set_config('a.b', ?, false)", "set_config(…, true)", "set_config(…, true)"),
        ("SELECT set_config('a.b', upper(?), true), false", "in a transaction", None),
        ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", None, "leave WITH HOLD out"),
        ("CREATE TABLE temp (n int)", None, None),
        ("COPY t FROM STDIN", "use executemany()", "use executemany()"),
        ("UPDATE t SET n = 1", None, None),
    ],
)
def test_what_would_stay_with_a_connection_is_refused_by_name(
    text: str, alone: str | None, inside: str | None
) -> None:
    statement = parse(text)

    for expected, reason in ((alone, statement.refused_alone), (inside, statement.refused_inside)):
        assert (reason is None) == (expected is None)
        assert expected is None or expected in str(reason)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the statement is empty"),
        (" -- nothing\n", "the statement is empty"),
        ("SELECT '\0'", "the statement has a NUL in it"),
        ("SELECT '\ud800'", "the statement has a lone surrogate"),
    ],
)
def test_what_is_no_statement_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)


def test_a_script_is_split_where_statements_end() -> None:
    script = """
        -- first
        CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC
            SELECT CASE WHEN true THEN 1 END; SELECT 2; END;
        INSERT INTO t VALUES (';'), ($$;$$);
        SELECT /* ; */ 1
    """

    assert [(each.place, each.text.split()[0]) for each in split(script)] == [
        ("statement 1 (line 3)", "CREATE"),
        ("statement 2 (line 5)", "INSERT"),
        ("statement 3 (line 6)", "SELECT"),
    ]


def test_a_script_that_ends_a_transaction_is_refused_with_its_place() -> None:
    with pytest.raises(ValueError, match=r"statement 2 \(line 1\): COMMIT inside"):
        split("SELECT 1; COMMIT")
    with pytest.raises(ValueError, match="the script is empty"):
        split(" ; -- nothing\n")
