"""The layers of the code, read from its imports all the way down, and its few other rules."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "runtime").rglob("*.py"))
    if "template" not in path.parts
}
OURS = sorted(
    path
    for folder in ("runtime", "tests", "benchmarks", "examples")
    for path in (ROOT / folder).rglob("*.py")
)

LAYERS = (
    ("loggers",),
    ("service", "entry_id", "exit_codes", "codec", "units", "clock", "failpoint", "backoff",
     "telemetry", "findings"),
    ("log",),
    ("handlers",),
    ("engines",),
    ("schema",),
    ("manifest",),
    ("kind",),
    ("kinds",),
    ("modules", "registry"),
    ("linking",),
    ("supervision",),
    ("application",),
    ("program",),
    ("cli",),
    ("__main__", "testing"),
)  # fmt: skip
"""From the ground up. A module imports from its own box, and from boxes of lower layers."""

LEVEL = {box: level for level, layer in enumerate(LAYERS) for box in layer}

MANIFESTS = ("yaml", "jsonschema", "runtime.manifest", "runtime.schema")
"""Modules that no engine may load, not even indirectly."""

modules = pytest.mark.parametrize("name", MODULES)


def box(name: str) -> str:
    """The folder or module of the root package that a module belongs to."""
    return name.split(".")[1] if "." in name else ""


@cache
def imports(name: str) -> frozenset[str]:
    """All that a module imports, in functions and below `if TYPE_CHECKING` too."""
    return frozenset(named(ast.walk(tree(name))) | by_name(name))


@cache
def loads(name: str) -> frozenset[str]:
    """The modules that are imported when this one is, its packages included."""
    around = [".".join(name.split(".")[:end]) for end in range(1, name.count(".") + 1)]
    return named_at_import(name) | frozenset(around)


@cache
def named_at_import(name: str) -> frozenset[str]:
    return frozenset(named(at_import(tree(name).body)))


def by_name(name: str) -> set[str]:
    """Our packages from which a module imports by a name that it puts together."""
    found = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            package = ast.unparse(node.args[0]).strip("f'").replace("{__name__}", name)
            package = package.partition("{")[0].rstrip(".")
            found |= {package} if package in MODULES else set()
    return found


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def at_import(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported; those of functions do not."""
    for node in statements:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        for field in ("body", "orelse", "finalbody", "handlers"):
            for inner in getattr(node, field, ()):
                yield from at_import([inner] if isinstance(inner, ast.stmt) else inner.body)


def named(nodes: Iterator[ast.AST]) -> set[str]:
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                path = f"{node.module}.{alias.name}"
                found.add(path if path in MODULES else node.module)
    return found


@cache
def closure(name: str) -> frozenset[str]:
    """All modules that are loaded when this one is, other packages' included."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            if module in MODULES:
                waiting.extend(loads(module))
    return frozenset(seen - {name})


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def of(package: str) -> list[str]:
    return [name for name in MODULES if within(name, (package,))]


def test_the_root_package_is_small() -> None:
    files = [path for path in (ROOT / "runtime").glob("*.py") if not path.stem.startswith("__")]
    folders = [path for path in (ROOT / "runtime").iterdir() if any(path.glob("*.py"))]

    assert len(files) <= 12
    assert len(folders) <= 15


def test_every_box_has_its_layer() -> None:
    assert {box(name) for name in MODULES} - {""} == {*LEVEL}


@modules
def test_every_module_says_what_it_is(name: str) -> None:
    assert ast.get_docstring(tree(name))


@modules
def test_no_module_has_a_name_that_says_nothing(name: str) -> None:
    words = set(name.split("."))
    assert not words & {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_long(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= 300


@modules
def test_no_import_runs_upwards(name: str) -> None:
    own = box(name)
    if own:
        others = {box(module) for module in imports(name) if module.startswith("runtime.")}
        upwards = {other for other in others - {own, ""} if LEVEL[other] >= LEVEL[own]}
        assert upwards == set()


@modules
def test_nothing_is_imported_in_a_circle(name: str) -> None:
    seen: set[str] = set()
    waiting = [*named_at_import(name)]
    while waiting:
        module = waiting.pop()
        assert module != name
        if module in MODULES and module not in seen:
            seen.add(module)
            waiting.extend(named_at_import(module))


@pytest.mark.parametrize("name", of("runtime.engines"))
def test_an_engine_loads_nothing_of_manifests(name: str) -> None:
    assert sorted(module for module in closure(name) if within(module, MANIFESTS)) == []


@pytest.mark.parametrize("name", of("runtime.kinds"))
def test_across_families_only_the_contract_is_known(name: str) -> None:
    family = name.split(".")[2] if name.count(".") >= 2 else ""
    for module in imports(name):
        parts = module.split(".")
        if within(module, ("runtime.kinds",)) and len(parts) > 2 and parts[2] != family:
            assert MODULES[module].name == "__init__.py"


@pytest.mark.parametrize("name", of("runtime.modules"))
def test_what_handlers_import_knows_of_kinds_only_their_contracts(name: str) -> None:
    kinds = [module for module in imports(name) if within(module, ("runtime.kinds",))]
    assert all(MODULES[module].name == "__init__.py" for module in kinds)


def databases() -> list[str]:
    """The databases that an engine knows, by the folders of `engines/sql`."""
    folders = {path.parent.name for path in (ROOT / "runtime/engines/sql").glob("*/__init__.py")}
    return sorted(folders - {"builder", "migrations"})


@pytest.mark.parametrize("name", [*of("runtime.engines.queue"), *of("runtime.kinds.queue")])
def test_queues_know_databases_by_their_contract_alone_and_a_store_its_own(name: str) -> None:
    durable = "runtime.engines.queue.sql"
    own = next((each for each in databases() if within(name, (f"{durable}.{each}",))), None)
    others = [each for each in databases() if each != own]
    halves = [
        f"{package}.{each}" for each in others for package in (durable, "runtime.engines.sql")
    ]
    libraries = {"sqlite": "sqlite3", "postgres": "psycopg"}
    theirs = (*halves, *(libraries[each] for each in others))

    assert [module for module in imports(name) if within(module, theirs)] == []


def test_what_is_imported_by_name_counts_as_an_import() -> None:
    assert "runtime.kinds" in imports("runtime.registry")
    assert "runtime.cli" in by_name("runtime.cli")
    assert "runtime.engines.web.middleware" in by_name("runtime.engines.web.middleware")


def test_few_docstrings_are_riddles() -> None:
    riddles = [
        f"{name}: {text.splitlines()[0]}"
        for name in MODULES
        for text in docstrings(tree(name))
        if text.split(" ")[0] in ("What", "Whether", "How", "Where")
    ]
    assert len(riddles) <= 10, "\n".join(riddles)


def docstrings(module: ast.Module) -> Iterator[str]:
    """All docstrings of a module, those below attributes and constants too."""
    for node in ast.walk(module):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield inspect.cleandoc(text)
