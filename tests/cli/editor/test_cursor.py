"""The cursor in manifests that are whole, and half typed."""

from __future__ import annotations

import pytest

from runtime.cli.editor.cursor import Cursor, cursor_at

HEAD = """namespace: app
entries:
  - {name: web, kind: http.service}
"""


def cursor(text: str) -> Cursor | None:
    """The cursor at the `|` of a text, with the lines above that all manifests share."""
    before, _, after = f"{HEAD}{text}".partition("|")
    return cursor_at(before + after, before.count("\n"), len(before.rpartition("\n")[2]))


@pytest.mark.parametrize(
    ("text", "path", "is_key", "word"),
    [
        ("  - name: a\n    ki|", ("entries", 1), True, "ki"),
        ("  - name: a\n    |\n  - name: b\n", ("entries", 1), True, ""),
        ("  - name: a\n    kind: ht|tp.x\n", ("entries", 1, "kind"), False, "http.x"),
        ("  - name: a\n    ki|nd: http.x\n", ("entries", 1), True, "kind"),
        ("  - {name: a, kind: |", ("entries", 1, "kind"), False, ""),
        ("  - {name: a, kind: |\n  - {name: b}\n", ("entries", 1, "kind"), False, ""),
        ("  - {name: a, queue: app:|}", ("entries", 1, "queue"), False, "app:"),
        ('  - {name: a, queue: "app:|"}', ("entries", 1, "queue"), False, "app:"),
        ('  - {name: a, queue: "app:|', ("entries", 1, "queue"), False, "app:"),
        ("  - name: a\n    pool:\n      si|", ("entries", 1, "pool"), True, "si"),
        ("  - name: a\n    list: [x, y|]", ("entries", 1, "list", 1), True, "y"),
        ("  - name: a\n    list:\n      - y|", ("entries", 1, "list", 0), True, "y"),
    ],
)
def test_the_path_and_the_word_are_found(
    text: str, path: tuple[str | int, ...], is_key: bool, word: str
) -> None:
    found = cursor(text)

    assert found is not None
    assert (found.path, found.is_key, found.word) == (path, is_key, word)


def test_the_entry_is_found_below_a_line_that_is_no_yaml() -> None:
    found = cursor("  - {name: a, kind: [\n  - name: b\n    kind: http.|\n")

    assert found is not None
    assert found.fields == {"name": "b", "kind": "http."}
    assert found.namespace == "app"


@pytest.mark.parametrize("text", ["# a comm|ent", "  - name: a  # b|", "  name:|"])
def test_there_is_none_in_a_comment_and_where_nothing_can_be_told(text: str) -> None:
    assert cursor(text) is None
