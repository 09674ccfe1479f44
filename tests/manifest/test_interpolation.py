"""Placeholders: resolved from the environment, and their values never shown."""

from __future__ import annotations

import copy
import io
import os
from pathlib import Path
from typing import Any

import pytest

from runtime.cli.excerpt import print_findings
from runtime.findings.finding import ManifestError
from runtime.manifest.interpolation import Unresolved, interpolate, is_placeholder, resolve
from runtime.manifest.reader import read
from tests.support.blackbox import execute
from tests.support.sample_manifest import examples, linked, paths, settle

VALUES = {"NAME": "value", "EMPTY": "", "BRACE": "a}b", "INNER": "${env:NAME}"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain", "plain"),
        ("${env:NAME}", "value"),
        ("a ${env:NAME} b ${env:NAME}", "a value b value"),
        ("${env:UNSET|default}", "default"),
        ("${env:UNSET|}", ""),
        ("${env:UNSET|a|b}", "a|b"),
        ("${env:NAME|default}", "value"),
        ("${env:EMPTY|default}", ""),
        ("$${env:NAME}", "${env:NAME}"),
        ("$$ and $x", "$$ and $x"),
        ("${env:BRACE}", "a}b"),
        ("${env:INNER}", "${env:NAME}"),  # a value is not read for placeholders again
    ],
)
def test_a_text_is_filled(text: str, filled: str) -> None:
    assert resolve(text, VALUES, set()) == filled


@pytest.mark.parametrize("text", ["${", "${}", "${NAME}", "${env:}", "${env:1A}", "${env:A B}"])
def test_what_is_no_placeholder_is_refused(text: str) -> None:
    with pytest.raises(Unresolved, match="is not a placeholder"):
        resolve(text, VALUES, set())


def test_a_variable_that_is_not_set_or_no_text_is_refused() -> None:
    with pytest.raises(Unresolved, match="'UNSET' is not set"):
        resolve("${env:UNSET}", VALUES, set())
    with pytest.raises(Unresolved, match="'BYTES' is not UTF-8 text"):
        resolve("${env:BYTES}", {"BYTES": os.fsdecode(b"\xff")}, set())


def test_what_was_typed_is_remembered_by_its_place_and_faults_leave_the_rest() -> None:
    fields: dict[str, Any] = {"a": "${env:NAME}", "b": ["x", {"c": "-${env:UNSET}"}], "d": 1}
    faults: list[tuple[Any, str]] = []

    placeholders, secrets = interpolate(
        fields, VALUES, lambda path, fault: faults.append((path, fault.message))
    )

    assert fields == {"a": "value", "b": ["x", {"c": "-${env:UNSET}"}], "d": 1}
    assert placeholders == {("a",): "${env:NAME}", ("b", 1, "c"): "-${env:UNSET}"}
    assert secrets == {"value"}
    assert faults == [(("b", 1, "c"), "the environment variable 'UNSET' is not set")]


def test_a_text_is_a_placeholder_only_if_it_is_nothing_else() -> None:
    assert is_placeholder("${env:A}")
    assert is_placeholder("${env:A|x}")
    assert not is_placeholder(" ${env:A}")
    assert not is_placeholder("${env:A}${env:B}")
    assert not is_placeholder("$${env:A}")
    assert not is_placeholder("${A}")


@pytest.mark.parametrize(
    ("text", "environment", "secrets"),
    [
        ("${env:PW}", {"PW": "s3cret"}, {"s3cret"}),
        ("postgres://u:${env:PW}@h/${env:DB}", {"PW": "s3cret", "DB": "x"}, {"s3cret", "x"}),
        ("${env:PW|none}", {}, set()),
        ("${env:PW|none}", {"PW": "none"}, set()),
        ("${env:PW|none}", {"PW": "s3cret"}, {"s3cret"}),
        ("$${env:PW}", {"PW": "s3cret"}, set()),
    ],
)
def test_a_secret_is_a_value_of_the_environment_that_the_manifest_does_not_show(
    text: str, environment: dict[str, str], secrets: set[str]
) -> None:
    found: set[str] = set()

    resolve(text, environment, found)

    assert found == secrets


def test_a_manifest_knows_the_secrets_of_all_its_entries(tmp_path: Path) -> None:
    (tmp_path / "_index.yaml").write_text(SHOWN)

    manifest = read(tmp_path, environment={"SECRET": "CANARY", "MANY": "7351"})

    assert manifest.secrets == {"CANARY", "7351"}


@pytest.mark.parametrize(
    ("field", "value", "meant"),
    [("max_processes", "5", 5), ("lifecycle.auto_start", "true", True)],
)
def test_a_whole_placeholder_takes_the_type_of_its_field(
    field: str, value: str, meant: object, tmp_path: Path
) -> None:
    entry: dict[str, Any] = {"kind": "process.host", "lifecycle": {}}
    *way, last = field.split(".")
    holder = entry[way[0]] if way else entry
    holder[last] = "${env:SECRET}"

    linkage = linked(settle(tmp_path), entry, {"SECRET": value})

    fields: Any = next(e for id, e in linkage.manifest.entries.items() if id.name == "subject")
    found = fields.fields
    for step in (*way, last):
        found = found[step]
    assert found == meant
    assert type(found) is type(meant)


# --- the canary: a value from the environment is in nothing that is printed ---

VALUES_WITH_CANARY = (
    "CANARY", "/CANARY", "file://CANARY.py", "module://x.CANARY", "10CANARY", "queue.CANARY",
)  # fmt: skip


@pytest.mark.parametrize(("kind", "example"), dict(examples()).items())
def test_no_finding_shows_a_value_of_the_environment(
    kind: str, example: dict[str, Any], tmp_path: Path
) -> None:
    settle(tmp_path)
    linked(tmp_path, example, {})  # right as it stands, so that what follows gets as far as it can
    refused = 0
    for path in paths(example):
        if path == ("name",):
            continue
        for form in ("${env:SECRET}", "/${env:SECRET}"):
            entry = copy.deepcopy(example)
            holder: Any = entry
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = form
            for value in VALUES_WITH_CANARY:
                printed = printed_findings(tmp_path, entry, {"SECRET": value})
                refused += bool(printed)
                assert "canary" not in printed.lower(), path

    assert refused > 10


def printed_findings(folder: Path, entry: dict[str, Any], environment: dict[str, str]) -> str:
    printed = io.StringIO()
    try:
        linked(folder, entry, environment)
    except ManifestError as error:
        print_findings(error.findings, printed)
    return printed.getvalue()


def test_a_clash_does_not_show_what_both_took_from_the_environment(tmp_path: Path) -> None:
    entry = {
        "kind": "http.endpoint",
        "meta": {"router": "router"},
        "method": "GET",
        "path": "/${env:SECRET}",
        "func": "f",
    }

    with pytest.raises(ManifestError) as caught:
        linked(settle(tmp_path), entry, {"SECRET": "x"})  # `/p/x` is the route of a neighbour

    (finding,) = caught.value.findings
    assert finding.message.startswith("GET /p/${env:SECRET} is taken on 'app:gateway'")


SHOWN = """
namespace: app
entries:
  - {name: s, kind: registry.entry, key: "${env:SECRET}", deep: [{url: "http://${env:SECRET}/"}]}
  - {name: h, kind: process.host, max_processes: "${env:MANY}", meta: {note: "${env:SECRET}"}}
"""


@pytest.mark.parametrize(
    "command",
    [
        ["validate"], ["validate", "--json"], ["list"], ["list", "--json"],
        ["graph"], ["graph", "--json"], ["graph", "--format", "dot"],
        ["show", "s"], ["show", "s", "--json"], ["show", "h"], ["show", "h", "--json"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_no_command_shows_a_value_of_the_environment(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "_index.yaml").write_text(SHOWN)
    environment = {**os.environ, "SECRET": "CANARY", "MANY": "7351"}

    ended = execute(*command, str(tmp_path), env=environment)

    assert ended.code == 0
    assert "CANARY" not in ended.out + ended.err
    assert "7351" not in ended.out + ended.err
    if "show" in command:
        assert "${env:SECRET}" in ended.out
