"""What kind of statement a text is."""

from __future__ import annotations

import sqlite3

import pytest

from runtime.engines.sql.sqlite.statement import Sort, classify, headline


@pytest.mark.parametrize(
    ("text", "sort", "verb"),
    [
        ("SELECT 1", Sort.READ, "SELECT"),
        ("  \n\tselect 1", Sort.READ, "SELECT"),
        ("-- COMMIT\nSELECT 1", Sort.READ, "SELECT"),
        ("/* BEGIN */ /* */ VALUES (1)", Sort.READ, "VALUES"),
        ("EXPLAIN QUERY PLAN DELETE FROM t", Sort.READ, "EXPLAIN"),
        ("INSERT INTO t VALUES (1)", Sort.WRITE, "INSERT"),
        ("REPLACE INTO t VALUES (1)", Sort.WRITE, "REPLACE"),
        ("create table t (a)", Sort.WRITE, "CREATE"),
        ("INSERT OR ROLLBACK INTO t VALUES (1)", Sort.SOLO, "INSERT"),
        ("WITH a AS (SELECT 1) SELECT * FROM a", Sort.READ, "SELECT"),
        ("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", Sort.WRITE, "INSERT"),
        ("WITH a(b) AS (SELECT ')' || \"(\"), c AS (SELECT 1) DELETE FROM t", Sort.WRITE, "DELETE"),
        ("WITH a AS (DELETE) /* SELECT */ UPDATE t SET a = 1", Sort.WRITE, "UPDATE"),
        ("WITH nonsense", Sort.SOLO, ""),
        ("VACUUM", Sort.SOLO, "VACUUM"),
        ("PRAGMA user_version", Sort.SOLO, "PRAGMA"),
        ("ATTACH 'x' AS y", Sort.SOLO, "ATTACH"),
        ("nonsense", Sort.SOLO, "NONSENSE"),
        ("42", Sort.SOLO, ""),
        ("COMMIT", Sort.CONTROL, "COMMIT"),
        ("end transaction", Sort.CONTROL, "END"),
        ("BEGIN", Sort.CONTROL, "BEGIN"),
        ("ROLLBACK", Sort.CONTROL, "ROLLBACK"),
        ("; ;\ufeff COMMIT", Sort.CONTROL, "COMMIT"),
        (" \x0bCOMMIT", Sort.CONTROL, "COMMIT"),
        ("/* unfinished", None, ""),
        ("-- only a comment", None, ""),
        ("  ", None, ""),
        ("SELECT '\ud800'", None, ""),
        ("SAVEPOINT a", Sort.SAVEPOINT, "SAVEPOINT"),
        ("RELEASE a", Sort.SAVEPOINT, "RELEASE"),
        ("ROLLBACK TO a", Sort.SAVEPOINT, "ROLLBACK"),
        ("ROLLBACK /* */ TRANSACTION TO SAVEPOINT a", Sort.SAVEPOINT, "ROLLBACK"),
    ],
)
def test_the_first_keyword_tells_how_a_statement_has_to_be_run(
    text: str, sort: Sort | None, verb: str
) -> None:
    if sort is None:
        with pytest.raises(ValueError, match="the statement"):
            classify(text)
        return

    assert classify(text)[:2] == (sort, verb)


@pytest.mark.parametrize("prefix", [";", "\ufeff", " \x0b", "/**/", "--\n", "\f\r"])
def test_what_we_skip_before_a_statement_is_what_sqlite_skips(prefix: str) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute(f"{prefix}BEGIN")

    assert connection.in_transaction
    assert classify(f"{prefix}BEGIN").sort is Sort.CONTROL
    connection.close()


def test_a_headline_is_the_first_line_that_says_something() -> None:
    assert headline("\n  -- why\n SELECT a\nFROM t") == "SELECT a"
    assert headline("SELECT " + "a" * 200).endswith("a…")
    assert len(headline("SELECT " + "a" * 200)) == 100
