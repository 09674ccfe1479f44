"""Placeholders: `?` and `:name` become `$1`, and nothing else does."""

from __future__ import annotations

import pytest

from runtime.engines.sql.postgres.placeholder import translate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT ?, ?", "SELECT $1, $2"),
        ("SELECT '?', 'it''s ?', ?", "SELECT '?', 'it''s ?', $1"),
        (r"SELECT E'\'?', ?", r"SELECT E'\'?', $1"),
        (r"SELECT e'\\', ?", r"SELECT e'\\', $1"),
        (r"SELECT '\', ?", r"SELECT '\', $1"),
        ('SELECT "a?", "b""?", ?', 'SELECT "a?", "b""?", $1'),
        ("SELECT $$?$$, $tag$ ? $$ ? $tag$, ?", "SELECT $$?$$, $tag$ ? $$ ? $tag$, $1"),
        ("SELECT a$b$c, ?", "SELECT a$b$c, $1"),
        ("SELECT 1 -- ?\n, ?", "SELECT 1 -- ?\n, $1"),
        ("SELECT /* ? /* ? */ ? */ ?", "SELECT /* ? /* ? */ ? */ $1"),
        ("SELECT ?::int", "SELECT $1::int"),
        ("SELECT a ?? ?, b ??| ?, c ??& ?", "SELECT a ? $1, b ?| $2, c ?& $3"),
        ("CALL p(x := ?)", "CALL p(x := $1)"),
        ("SELECT '?", "SELECT '?"),
        ("SELECT /* ?", "SELECT /* ?"),
    ],
)
def test_a_question_mark_is_a_placeholder_where_it_is_no_text(text: str, expected: str) -> None:
    assert translate(text).text.decode() == expected


@pytest.mark.parametrize(
    ("text", "expected", "names"),
    [
        ("SELECT :a, :b, :a", "SELECT $1, $2, $1", ("a", "b")),
        ("SELECT ':a', :b::int", "SELECT ':a', $1::int", ("b",)),
        ("SELECT x[1:2], x[low:high], :a", "SELECT x[1:2], x[low:high], $1", ("a",)),
        ("SELECT x[f(1):high], ARRAY[:a, :b]", "SELECT x[f(1):high], ARRAY[$1, $2]", ("a", "b")),
        ("SELECT x[:a]", "SELECT x[$1]", ("a",)),
        ("CALL p(x := :a)", "CALL p(x := $1)", ("a",)),
    ],
)
def test_a_name_after_a_colon_is_a_placeholder(
    text: str, expected: str, names: tuple[str, ...]
) -> None:
    translated = translate(text)

    assert (translated.text.decode(), translated.names) == (expected, names)


def test_both_sorts_in_one_statement_are_refused() -> None:
    with pytest.raises(ValueError, match="placeholders of both sorts"):
        translate("SELECT ?, :a")
