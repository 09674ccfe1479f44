"""Imports of a file, read as syntax."""

from __future__ import annotations

import ast

import pytest

from runtime.linking.imports import imports


@pytest.mark.parametrize(
    ("text", "imported"),
    [
        ("from runtime.modules import http, queue as q", [("http", 1, 29), ("queue", 1, 35)]),
        ("from runtime.modules.sync import sql", [("sql", 1, 34)]),
        ("from runtime.modules.sql import builder", [("sql", 1, 22)]),
        ("import runtime.modules.http", [("http", 1, 24)]),
        ("def f():\n    from runtime.modules import http", [("http", 2, 33)]),
        ("import json, runtime.modules.sync.sql as s", [("sql", 1, 35)]),
        ("from runtime.modules import (\n    http,\n    sql,\n)", [("http", 2, 5), ("sql", 3, 5)]),
        ("match x:\n  case 1:\n    import runtime.modules.sql", [("sql", 3, 28)]),
        ("try: pass\nexcept E:\n  import runtime.modules.sql", [("sql", 3, 26)]),
        ("while x:\n  pass\nelse:\n  import runtime.modules.sql", [("sql", 4, 26)]),
        ("from runtime.modules import sync", []),
        ("from runtime import modules", []),
        ("from .runtime.modules import http", []),
        ("import json, runtime", []),
        ("from json import loads", []),
        ("from runtime.modules import json", [("json", 1, 29)]),
    ],
)
def test_the_modules_of_the_runtime_are_seen_where_they_are_imported(
    text: str, imported: list[tuple[str, int, int]]
) -> None:
    assert imports(ast.parse(text)).modules == imported


@pytest.mark.parametrize(
    ("text", "opaque"),
    [
        ("import runtime.modules.sql", False),
        ("from runtime.modules import sql", False),
        ("from runtime.modules import *", True),
        ("from runtime.modules import sync", True),
        ("from runtime import modules", True),
        ("import runtime", True),
        ("from importlib import import_module", True),
        ("import importlib.metadata", False),
    ],
)
def test_a_file_that_may_reach_any_module_is_known(text: str, opaque: bool) -> None:
    assert imports(ast.parse(text)).opaque is opaque


def test_relative_imports_are_dotted_paths() -> None:
    text = "from . import a, b\nfrom .c import d\nfrom ..e.f import *\nimport os"

    assert imports(ast.parse(text)).relative == [".a", ".b", ".c.d", "..e.f.*"]
