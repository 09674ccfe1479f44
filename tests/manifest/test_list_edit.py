"""A list in the text of a file, changed in place."""

from __future__ import annotations

import random

import pytest
import yaml

from runtime.manifest.list_edit import NotEditable, edit_list

PATH = ("a", "modules")

BRACKETS = "a:\n  modules: [http, 'sql']  # why\n  b: 1\n"
ROWS = "a:\n  modules: [\n    http,  # the web\n    sql  # a table\n  ]\n"
LINES = 'a:\n  modules:\n    # first\n    - http  # the web\n    - "sql"\n\n  b: 1\n'


@pytest.mark.parametrize(
    ("text", "items", "expected"),
    [
        (BRACKETS, ["http", "sql", "queue"], BRACKETS.replace("'sql'", "'sql', queue")),
        (BRACKETS, ["sql"], BRACKETS.replace("http, ", "")),
        (BRACKETS, ["http"], BRACKETS.replace(", 'sql'", "")),
        (BRACKETS, ["http", "queue"], BRACKETS.replace("'sql'", "queue")),
        (BRACKETS, [], BRACKETS.replace("[http, 'sql']", "[]")),
        (BRACKETS.replace("http, 'sql'", ""), ["x", "y"], BRACKETS.replace("http, 'sql'", "x, y")),
        (ROWS, ["http"], "a:\n  modules: [\n    http,  # the web\n  ]\n"),
        (ROWS, ["sql"], "a:\n  modules: [\n    sql  # a table\n  ]\n"),
        (
            ROWS,
            ["http", "sql", "x", "y"],
            "a:\n  modules: [\n    http,  # the web\n    sql,  # a table\n    x,\n    y\n  ]\n",
        ),
        (
            ROWS.replace("sql ", "sql, "),
            ["http", "sql", "x"],
            "a:\n  modules: [\n    http,  # the web\n    sql,  # a table\n    x,\n  ]\n",
        ),
        (LINES, ["http", "sql", "x"], LINES.replace('"sql"\n', '"sql"\n    - x\n')),
        (LINES, ["sql"], LINES.replace("    - http  # the web\n", "")),
        (LINES, ["http", "x"], LINES.replace('"sql"', "x")),
        (LINES, [], "a:\n  modules: []\n    # first\n\n  b: 1\n"),
        ("a: {modules: [http]}", ["http", "x"], "a: {modules: [http, x]}"),
        ("a:\n  modules:\n  - http", ["http", "x"], "a:\n  modules:\n  - http\n  - x"),
        ("a:\n  modules : # why\n  - http\n", [], "a:\n  modules : [] # why\n"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_what_changes_is_changed(
    text: str, items: list[str], expected: str, newline: str
) -> None:
    changed = edit_list(text.replace("\n", newline), PATH, items)

    assert changed == expected.replace("\n", newline)


@pytest.mark.parametrize(
    "text",
    [
        "a:\n  modules: [http]\n  modules: [http]\n",
        "a:\n  modules: [http, {b: c}]\n",
        "a:\n  modules: [http\n",
        "a:\n  modules: [&x http]\n",
        "a:\n  modules: http\n",
        "a: 1\n",
    ],
)
def test_a_text_that_is_not_understood_is_left_alone(text: str) -> None:
    with pytest.raises(NotEditable):
        edit_list(text, PATH, ["http", "sql"])


def test_every_way_of_writing_a_list_gives_the_items_or_is_refused() -> None:
    chance = random.Random(5)
    names = ["http", "queue", "sql", "logger", "process"]
    edited = 0
    for _ in range(2000):
        before, after = (chance.sample(names, chance.randrange(5)) for _ in range(2))
        gaps = ["", " ", "\n    ", "  # why\n    ", "\n\n    "]
        if chance.random() < 0.5:
            parts = [chance.choice(gaps) + name + chance.choice(gaps) for name in before]
            text = f"a:\n  modules: [{','.join(parts)}]\n  b: 1\n"
        else:
            ends = ["", " # why", "\n", "\n    # why"]
            parts = [f"    - {name}{chance.choice(ends)}" for name in before]
            text = "a:\n  modules:\n" + "\n".join(parts) + "\n  b: 1\n"
        try:
            changed = edit_list(text, PATH, after)
        except NotEditable:
            continue
        edited += 1
        assert sorted(yaml.safe_load(changed)["a"]["modules"]) == sorted(after)
    assert edited > 1500
