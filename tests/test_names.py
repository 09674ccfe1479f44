"""Names of files and modules, wherever they stand in prose, pages and strings, lead somewhere."""

from __future__ import annotations

import ast
import pkgutil
import re
from collections.abc import Iterator

from tests.support.blackbox import ROOT

FOLDERS = ("runtime", "tests", "benchmarks", "examples", "schemas", "docs")
PATH = re.compile(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./-]*\w")
NAME = re.compile(r"`(runtime(?:\.\w+)+)(?:\(\))?`")

EXAMPLES = {
    "runtime/kinds/store/memory.py",
    "runtime/kinds/store/__init__.py",
    "schemas/kinds/store.memory.schema.json",
    "tests/kinds/test_store_memory.py",
    "tests/test_greetings.py",
    "tests/test_timer.py",
    "runtime/schemas",
}
"""Files that a page tells its reader to write, and the folder of schemas in a wheel."""
NO_MODULES = {
    "runtime.middleware",
    "runtime.schema.json",
    "runtime.message.ids",
    "runtime.outcome",
    "runtime.request.id",
}
"""A group of entry points, a file that `runtime init` writes, and attributes of spans."""
RESOLVERS = ("import_module", "setattr", "delattr", "resolve_name")


FILES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in [
        *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")),
        *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md")),
        *ROOT.glob("*.md"),
        ROOT / "Makefile",
        ROOT / "pyproject.toml",
    ]
    if path.name not in ("CHANGELOG.md", "test_names.py")
}


def exists(dotted: str) -> bool:
    try:
        pkgutil.resolve_name(dotted)
    except (ImportError, AttributeError):
        return False
    return True


def test_every_path_that_is_named_exists() -> None:
    wrong = [
        f"{name}: {path}"
        for name, text in FILES.items()
        for path in sorted({*PATH.findall(text)} - EXAMPLES)
        if not (ROOT / path).exists()
    ]
    assert wrong == []


def test_every_module_that_is_named_in_prose_exists() -> None:
    wrong = [
        f"{name}: {dotted}"
        for name, text in FILES.items()
        for dotted in sorted({*NAME.findall(text)} - NO_MODULES)
        if not exists(dotted)
    ]
    assert wrong == []


def test_every_module_that_a_string_names_exists() -> None:
    wrong = [
        f"{name}: {dotted}"
        for name, text in FILES.items()
        if name.endswith(".py")
        for dotted in resolved(ast.parse(text))
        if not exists(dotted)
    ]
    assert wrong == []


def resolved(module: ast.Module) -> Iterator[str]:
    """The modules and attributes of ours that are given to importers and patches as strings."""
    for node in ast.walk(module):
        match node:
            case ast.Call(func=function, args=[ast.Constant(value=str(dotted)), *_]):
                if dotted.startswith("runtime.") and ast.unparse(function).endswith(RESOLVERS):
                    yield dotted


def test_code_in_strings_imports_what_there_is() -> None:
    """Programs that tests and benchmarks write to a file or hand to an interpreter."""
    line = re.compile(r"^\s*from (runtime[\w.]*) import (\w+)", re.MULTILINE)
    wrong = [
        f"{name}: {module}.{attribute}"
        for name, text in FILES.items()
        if name.endswith(".py")
        for module, attribute in line.findall(text)
        if not (exists(f"{module}.{attribute}") or exists(f"{module}:{attribute}"))
    ]
    assert wrong == []


def test_a_name_that_leads_nowhere_is_found() -> None:
    assert not exists("runtime.sqlite.database")
    assert not exists("runtime.kind.Thing")
    assert exists("runtime.kind.Kind")
    assert [*resolved(ast.parse("setattr('runtime.a.b', 1)"))] == ["runtime.a.b"]
    assert PATH.findall("see runtime/sqlite/writer.py.") == ["runtime/sqlite/writer.py"]
