"""The tables and figures of the documentation are those of the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from runtime.codec import decode
from runtime.engines.queue.sql.sqlite.tables import VERSION
from runtime.engines.web import form_limits
from runtime.exit_codes import ExitCode
from runtime.kind import BuildContext, Stage
from runtime.manifest import document, env_file, fast, interpolation
from runtime.registry import Registry
from runtime.schema.schema import FOLDER
from runtime.units import parse_duration, parse_size
from tests.support.blackbox import ROOT
from tests.support.doc_tables import PAGES, code, rows, text

MIDDLEWARE = sorted(file.name.split(".")[0] for file in (FOLDER / "middleware").glob("*.json"))


def test_every_exit_code_has_its_row() -> None:
    codes = [int(row[0]) for row in rows("docs/exit-codes-and-signals.md", "Exit code")]

    assert codes == sorted(ExitCode)


@pytest.mark.parametrize("page", ["exit-codes-and-signals", "postgresql"])
def test_log_lines_of_the_night_table_are_written_by_the_code(page: str) -> None:
    sources = "\n".join(strings(ROOT / "runtime"))
    unknown = [
        fragment
        for row in rows(f"docs/{page}.md", "In the log")
        for message in code(row[0])
        for fragment in fragments(message)
        if not is_composed(fragment, sources)
    ]

    assert unknown == []


def is_composed(text: str, sources: str, pieces: int = 3) -> bool:
    """True if so few texts of the code, one behind the other, say this."""
    if text in sources:
        return True
    words = text.split(" ")
    return pieces > 1 and any(
        " ".join(words[:count]) in sources
        and is_composed(" ".join(words[count:]), sources, pieces - 1)
        for count in range(1, len(words))
    )


def fragments(message: str) -> list[str]:
    """The parts of a message between what varies: `…`, ids, places, numbers, what is quoted."""
    varies = r"…|;|'[^']*'|[\w.]+:\w+|\w+\(\)|\(\w+\)|[\d.]+(?: s\b)?|\bN\b|SIG\w+"
    parts = [part.strip(" :,.()") for part in re.split(varies, message)]
    return [part for part in parts if len(part) >= 8]


def strings(folder: Path) -> Iterator[str]:
    """All texts of the code; a placeholder is a line break."""
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "\n"
                    for part in node.values
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_what_a_driver_lacks_is_what_the_table_of_promises_says() -> None:
    table = rows("docs/scaling.md", "Promise")
    promised = {code(row[0])[0].partition(":")[0]: row for row in table if row[0].startswith("`")}
    columns = {"memory": [1], "sql": [2, 3], "amqp": [4]}
    for driver, places in columns.items():
        lacks = Registry()[f"queue.driver.{driver}"].unsupported
        for place in places:
            shown = {name for name, row in promised.items() if row[place] == "no"}
            assert shown == set(lacks), driver


def test_the_readme_lists_every_kind_and_middleware() -> None:
    table = rows("README.md", "Kind")
    (router,) = [row[1] for row in table if "http.router" in row[0]]

    assert {kind for row in table for kind in code(row[0])} == Registry().built_in
    assert sorted(code(router)) == MIDDLEWARE


def test_the_stages_are_those_of_the_kinds() -> None:
    shown = {
        kind: Stage(int(row[0][0]) - 1)
        for row in rows("docs/supervision.md", "Stage")
        for kind in code(row[1])
    }
    registry = Registry()

    assert shown == {
        name: registry[name].stage for name in registry.built_in if registry[name].stage is not None
    }


def test_the_types_of_a_process_are_those_of_its_schema() -> None:
    shown = [code(row[0])[0] for row in rows("docs/supervision.md", "`type`")]

    assert shown == Registry().schema("process.service").document["properties"]["type"]["enum"]


def test_the_context_of_a_builder_has_what_the_table_says() -> None:
    shown = {
        re.split(r"[.(]", name)[0]
        for row in rows("docs/adding-a-kind.md", "Of the context")
        for name in code(row[0])
    }

    # `scope` is for engines, and the manifest's folder for `handlers.load`
    assert shown == {*BuildContext.__struct_fields__, "path"} - {"scope", "manifest_folder"}


def test_what_a_form_may_have_is_what_the_table_says() -> None:
    limits = {row[0]: row[1] for row in rows("docs/handlers.md", "Limit")}

    assert limits["files, fields"].startswith(f"{form_limits.MAX_FILES}, {form_limits.MAX_FIELDS}:")
    assert parse_size(limits["one field, all fields"].partition(",")[0].replace(" ", "")) == (
        form_limits.MAX_PART_SIZE
    )


def test_the_lifecycle_block_shows_the_defaults() -> None:
    (block,) = re.findall(
        r"^  lifecycle:\n((?:    .*\n)+)", text("docs/supervision.md"), flags=re.M
    )
    shown = {
        name: value.strip()
        for name, value in re.findall(r"^ +(\w+): *([^#\n]*)", block, flags=re.MULTILINE)
    }
    lifecycle = definition("lifecycle")
    flat = {**lifecycle, **definition("restart")}
    for name, value in shown.items():
        if name != "restart":
            assert value == str(decode_default(flat[name]["default"])), name
    assert {*shown} | {"depends_on"} == {*flat}


def decode_default(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


@cache
def definition(name: str) -> dict[str, Any]:
    shared = decode((FOLDER / "entry.schema.json").read_bytes())["$defs"]
    properties: dict[str, Any] = shared[name]["properties"]
    return properties


def defaults() -> dict[str, set[str]]:
    """The defaults of all fields and middleware options by the last part of their names."""
    found: dict[str, set[str]] = {}
    for file in [*FOLDER.rglob("*.json")]:
        for name, schema in properties(decode(file.read_bytes())):
            if not isinstance(schema.get("default", {}), dict | list):
                found.setdefault(name.rpartition(".")[2], set()).add(str(schema["default"]))
    return found


def properties(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, list):
        for item in node:
            yield from properties(item)
    elif isinstance(node, dict):
        for name, schema in node.get("properties", {}).items():
            if isinstance(schema, dict):
                yield name, schema
        for item in node.values():
            yield from properties(item)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_defaults_in_prose_are_those_of_the_schemas(page: Path) -> None:
    """`name` (10 s), as it stands in many sentences."""
    known = {name: {normal(value) for value in values} for name, values in defaults().items()}
    prose = page.read_text(encoding="utf-8")
    wrong = [
        f"{name} ({value})"
        for name, value in re.findall(r"`([\w.]+)` \((\d[\d,.]* ?[\w]*)\)", prose)
        if (field := name.rpartition(".")[2]) in known and normal(value) not in known[field]
    ]

    assert wrong == []


def normal(value: str) -> str | float:
    """`10 s`, `10s`, `10 MiB` or `100,000` as a number."""
    plain = value.replace(" ", "").replace(",", "")
    for read in (float, parse_duration, parse_size):
        try:
            return float(read(plain))
        except ValueError:
            continue
    return value


def test_the_limits_of_files_are_those_of_the_code() -> None:
    mebibyte = 1024 * 1024
    page = text("docs/manifest.md")

    assert (
        f"at most {document.MAX_BYTES // mebibyte} MiB, nested at most {fast.MAX_DEPTH} deep"
        in page
    )
    assert f"UTF-8 text of at most {interpolation.MAX_FILE // mebibyte} MiB" in page
    assert f"UTF-8, at most {env_file.MAX_BYTES // mebibyte} MiB" in page


def test_the_version_of_the_tables_is_told() -> None:
    assert f"Version {VERSION} " in text("docs/upgrading.md")


def test_every_target_of_make_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), flags=re.MULTILINE))
    named = {
        target
        for page in [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md"]
        for target in re.findall(
            r"(?:`|^\$ )make (?:[A-Z]+=\S+ )*([a-z][a-z-]*)", page.read_text("utf-8"), flags=re.M
        )
    }

    assert named <= targets
    assert "test" in named


def test_the_folders_of_the_architecture_are_those_of_the_package() -> None:
    block = re.search(
        r"^runtime/\n(.*?)^schemas/", text("docs/architecture.md"), flags=re.M | re.DOTALL
    )
    assert block
    shown = re.findall(r"^ +(\w+)/ ", block[1], flags=re.MULTILINE)
    folders = {path.parent.name for path in (ROOT / "runtime").rglob("__init__.py")} - {"runtime"}

    assert {
        name for name in shown if not (name in folders or (ROOT / "runtime" / name).is_dir())
    } == set()
    assert {
        path.name for path in (ROOT / "runtime").iterdir() if (path / "__init__.py").exists()
    } <= {*shown, "engines"}
