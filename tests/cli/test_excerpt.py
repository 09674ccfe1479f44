"""Excerpts: the mark below a line is exactly as wide as the key or value."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from runtime.cli.excerpt import print_findings
from runtime.findings.finding import Finding, Position


def mark(folder: Path, line: str, name: str = "_index.yaml") -> str:
    """The marked part of a line, for a finding at the `»` in it."""
    column = line.index("»")
    line = line.replace("»", "")
    file = folder / name
    file.write_text(line + "\n", encoding="utf-8")
    stream = io.StringIO()
    print_findings([Finding(Position(str(file), 1, column + 1), "wrong")], stream=stream)
    _, shown, marked, *_ = stream.getvalue().splitlines()
    return "".join(
        char for char, below in zip(shown, marked.ljust(len(shown)), strict=True) if below == "^"
    )


@pytest.mark.parametrize(
    ("line", "marked"),
    [
        ("  »concurency: 2", "concurency"),
        ("  kind: »queue.drvier  # a note", "queue.drvier"),
        ("  path: »a, b]", "a, b]"),
        ("  addr: »':80', ", "':80'"),
        ("  note: »'it''s', or so", "'it''s'"),
        ("  - {name: »f, kind: x}", "f"),
        ("  - {name: f, »kind: x}", "kind"),
        ("  - {name: f, kind: »function.lua}", "function.lua"),
        ("  - {name: f, kind: »function.lua }", "function.lua"),
        ("  - {meta: {server: »app:db}, kind: x}", "app:db"),
        ("  - {meta: »{server: app:db}, kind: x}", "{server: app:db}"),
        ("  modules: [http, »slq, time]", "slq"),
        ("  modules: »[http, '[', time] # a list", "[http, '[', time]"),
        ("  kind: {»a: [b, c", "a"),
        ("  input: »[1, 2,", "[1, 2,"),
        ("  - {text: '{', other: »b c}", "b c"),
        ("  func: »app:f,", "app:f"),
        ("  »a:", "a"),
    ],
)
def test_the_key_or_value_is_marked_and_nothing_else(
    line: str, marked: str, tmp_path: Path
) -> None:
    assert mark(tmp_path, line) == marked


@pytest.mark.parametrize(
    ("line", "marked"),
    [("from runtime.modules import »http, queue", "http"), ("def f(»:", ":")],
)
def test_of_a_handler_a_name_is_marked(line: str, marked: str, tmp_path: Path) -> None:
    assert mark(tmp_path, line, "handler.py") == marked


def test_a_finding_about_no_file_is_its_message_alone() -> None:
    stream = io.StringIO()
    print_findings([Finding(Position(""), "app:db could not start")], stream=stream)

    assert stream.getvalue().splitlines()[0] == "app:db could not start"
