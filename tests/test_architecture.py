"""The house: who may import whom, read from the imports themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in sorted((ROOT / "runtime").rglob("*.py"))
    if "template" not in path.parts
}
ENGINES = (
    "runtime.engines.web",
    "runtime.sqlite",
    "runtime.engines.sql.builder",
    "runtime.engines.queue",
    "runtime.engines.queue.sql",
)
ASSEMBLY_LINE = (
    "runtime.cli", "runtime.program.program", "runtime.application.application", "runtime.supervisor", "runtime.supervision.child",
    "runtime.application.assembly", "runtime.linking.linker", "runtime.manifest.reader", "runtime.registry", "runtime.schema.schema",
)  # fmt: skip
LEAVES = ("graph", "restart", "quantity", "suggestion", "scalar", "threads")

modules = pytest.mark.parametrize("name", MODULES)


def imports(name: str) -> set[str]:
    """The modules of ours that a module names, as deep as can be told."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            paths = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {path if path in known() else node.module for path in paths}
    return {module for module in found if module.split(".")[0] == "runtime"}


def known() -> set[str]:
    return {name.removesuffix(".__init__") for name in MODULES}


def inside(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def strangers(name: str, forbidden: tuple[str, ...]) -> list[str]:
    return sorted(module for module in imports(name) if inside(module, forbidden))


@modules
def test_every_module_says_what_it_is(name: str) -> None:
    assert ast.get_docstring(ast.parse(MODULES[name].read_text(encoding="utf-8")))


@modules
def test_no_module_is_long_or_has_a_name_that_says_nothing(name: str) -> None:
    assert len(MODULES[name].read_text(encoding="utf-8").splitlines()) <= 300
    words = set(name.split("."))
    assert not words & {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}


@modules
def test_nothing_imports_the_command_line_but_its_start(name: str) -> None:
    if not inside(name, ("runtime.cli", "runtime.__main__")):
        assert strangers(name, ("runtime.cli",)) == []


@modules
def test_the_core_knows_no_kind_no_module_and_no_engine(name: str) -> None:
    beside = ("runtime.kinds", "runtime.modules", "runtime.cli", *ENGINES)
    if not inside(name, beside):
        allowed = {"runtime.kinds"} if name == "runtime.registry" else set()
        assert set(strangers(name, ("runtime.kinds", "runtime.modules", *ENGINES))) <= allowed


@modules
def test_engines_know_nothing_of_manifests(name: str) -> None:
    if inside(name, ENGINES):
        assert strangers(name, ("runtime.kinds", "runtime.modules", *ASSEMBLY_LINE)) == []


@modules
def test_kinds_know_neither_what_runs_them_nor_what_handlers_import(name: str) -> None:
    if inside(name, ("runtime.kinds",)):
        assert strangers(name, ("runtime.modules", *ASSEMBLY_LINE)) == []


@modules
def test_across_families_only_the_contract_is_known(name: str) -> None:
    if inside(name, ("runtime.kinds",)):
        assert list(trespasses(name)) == []


def trespasses(name: str) -> Iterator[str]:
    family = name.split(".")[2] if name.count(".") >= 2 else ""
    for module in imports(name):
        parts = module.split(".")
        if inside(module, ("runtime.kinds",)) and len(parts) > 2 and parts[2] != family:
            contract = f"{module}.__init__" in MODULES
            if not contract:
                yield module


@pytest.mark.parametrize("name", LEAVES)
def test_leaves_import_nothing_of_ours(name: str) -> None:
    assert imports(f"runtime.{name}") == set()


@modules
def test_handlers_modules_know_only_the_context_engines_and_contracts(name: str) -> None:
    if inside(name, ("runtime.modules",)):
        assert strangers(name, ASSEMBLY_LINE) == []
        kinds = [module for module in imports(name) if inside(module, ("runtime.kinds",))]
        assert all(f"{module}.__init__" in MODULES for module in kinds)
