"""What kind of statement a text is."""

from __future__ import annotations

import sqlite3

import pytest

from runtime.engines.sql.sqlite.statement import Category, classify, headline


@pytest.mark.parametrize(
    ("text", "sort", "verb"),
    [
        ("SELECT 1", Category.READ, "SELECT"),
        ("  \n\tselect 1", Category.READ, "SELECT"),
        ("-- COMMIT\nSELECT 1", Category.READ, "SELECT"),
        ("/* BEGIN */ /* */ VALUES (1)", Category.READ, "VALUES"),
        ("EXPLAIN QUERY PLAN DELETE FROM t", Category.READ, "EXPLAIN"),
        ("INSERT INTO t VALUES (1)", Category.WRITE, "INSERT"),
        ("REPLACE INTO t VALUES (1)", Category.WRITE, "REPLACE"),
        ("create table t (a)", Category.WRITE, "CREATE"),
        ("INSERT OR ROLLBACK INTO t VALUES (1)", Category.SOLO, "INSERT"),
        ("WITH a AS (SELECT 1) SELECT * FROM a", Category.READ, "SELECT"),
        ("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", Category.WRITE, "INSERT"),
        (
            "WITH a(b) AS (SELECT ')' || \"(\"), c AS (SELECT 1) DELETE FROM t",
            Category.WRITE,
            "DELETE",
        ),
        ("WITH a AS (DELETE) /* SELECT */ UPDATE t SET a = 1", Category.WRITE, "UPDATE"),
        ("WITH nonsense", Category.SOLO, ""),
        ("VACUUM", Category.SOLO, "VACUUM"),
        ("PRAGMA user_version", Category.SOLO, "PRAGMA"),
        ("ATTACH 'x' AS y", Category.SOLO, "ATTACH"),
        ("nonsense", Category.SOLO, "NONSENSE"),
        ("42", Category.SOLO, ""),
        ("COMMIT", Category.CONTROL, "COMMIT"),
        ("end transaction", Category.CONTROL, "END"),
        ("BEGIN", Category.CONTROL, "BEGIN"),
        ("ROLLBACK", Category.CONTROL, "ROLLBACK"),
        ("; ;\ufeff COMMIT", Category.CONTROL, "COMMIT"),
        (" \x0bCOMMIT", Category.CONTROL, "COMMIT"),
        ("/* unfinished", None, ""),
        ("-- only a comment", None, ""),
        ("  ", None, ""),
        ("SELECT '\ud800'", None, ""),
        ("SAVEPOINT a", Category.SAVEPOINT, "SAVEPOINT"),
        ("RELEASE a", Category.SAVEPOINT, "RELEASE"),
        ("ROLLBACK TO a", Category.SAVEPOINT, "ROLLBACK"),
        ("ROLLBACK /* */ TRANSACTION TO SAVEPOINT a", Category.SAVEPOINT, "ROLLBACK"),
    ],
)
def test_the_first_keyword_tells_how_a_statement_has_to_be_run(
    text: str, sort: Category | None, verb: str
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
    assert classify(f"{prefix}BEGIN").category is Category.CONTROL
    connection.close()


def test_a_headline_is_the_first_line_that_says_something() -> None:
    assert headline("\n  -- why\n SELECT a\nFROM t") == "SELECT a"
    assert headline("SELECT " + "a" * 200).endswith("a…")
    assert len(headline("SELECT " + "a" * 200)) == 100
