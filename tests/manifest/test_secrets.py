"""Secrets, and values of overrides: in nothing that is printed."""

from __future__ import annotations

import copy
import io
import os
from pathlib import Path
from typing import Any

import pytest

from runtime.cli.excerpt import print_findings
from runtime.findings.finding import Level, ManifestError
from runtime.linking.linker import link
from runtime.manifest.override import Override
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import execute
from tests.support.sample_manifest import examples, linked, paths, settle

SHOWN = """
namespace: app
entries:
  - name: s
    kind: registry.entry
    key: "${secret:SECRET}"
    deep: [{url: "http://${env:USER}:${secret:SECRET}/"}]
  - {name: h, kind: process.host, max_processes: "${file:pin}", meta: {note: "${secret:SECRET}"}}
"""


def test_a_manifest_knows_the_secrets_of_all_its_entries(tmp_path: Path) -> None:
    (tmp_path / "_index.yaml").write_text(SHOWN)
    (tmp_path / "pin").write_text("7351\n")

    manifest = read(tmp_path, environment={"SECRET": "CANARY"})

    assert manifest.secrets == {"CANARY", "7351"}


VALUES_WITH_CANARY = (
    "CANARY", "/CANARY", "file://CANARY.py", "module://x.CANARY", "10CANARY", "queue.CANARY",
)  # fmt: skip


@pytest.mark.parametrize(("kind", "example"), dict(examples()).items())
def test_no_finding_shows_a_secret(kind: str, example: dict[str, Any], tmp_path: Path) -> None:
    settle(tmp_path)
    linked(tmp_path, example, {})  # right as it stands, so that what follows gets as far as it can
    refused = 0
    for path in paths(example):
        if path == ("name",):
            continue
        for form in ("${secret:SECRET}", "/${secret:SECRET}"):
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


def test_a_clash_does_not_show_a_secret(tmp_path: Path) -> None:
    entry = {
        "kind": "http.endpoint",
        "meta": {"router": "router"},
        "method": "GET",
        "path": "/${secret:SECRET}",
        "func": "f",
    }

    with pytest.raises(ManifestError) as caught:
        linked(settle(tmp_path), entry, {"SECRET": "x"})  # `/p/x` is the route of a neighbour

    finding, note = caught.value.findings
    assert note.level is Level.NOTE  # that the secret is short
    assert finding.message.startswith("GET /p/${secret:SECRET} is taken on 'app:gateway'")


@pytest.mark.parametrize(
    "command",
    [
        ["validate"], ["validate", "--json"], ["list"], ["list", "--json"],
        ["graph"], ["graph", "--json"], ["graph", "--format", "dot"],
        ["show", "s"], ["show", "s", "--json"], ["show", "h"], ["show", "h", "--json"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_no_command_shows_a_secret(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "_index.yaml").write_text(SHOWN)
    (tmp_path / "pin").write_text("7351\n")
    environment = {**os.environ, "SECRET": "CANARY", "USER": "lovelace"}

    ended = execute(*command, str(tmp_path), env=environment)

    assert ended.code == 0
    assert "CANARY" not in ended.out + ended.err
    assert "7351" not in ended.out + ended.err
    if command[:2] == ["show", "s"]:
        assert "http://lovelace:${secret:SECRET}/" in ended.out
    if command[:2] == ["show", "h"]:
        assert "${file:pin}" in ended.out


def test_a_finding_names_a_variable_and_shows_its_value(tmp_path: Path) -> None:
    entry = {"kind": "process.host", "max_processes": "${env:MANY}"}

    with pytest.raises(ManifestError) as caught:
        linked(settle(tmp_path), entry, {"MANY": "lots"})

    (finding,) = caught.value.findings
    assert finding.message == "'max_processes' is 'lots' (${env:MANY}), not a whole number"


# --- overrides ---

CHANGED = """\
namespace: app
entries:
  - {name: g, kind: http.service, addr: ":8080"}
  - {name: r, kind: http.router, meta: {server: g}, middleware: [ratelimit]}
  - {name: e, kind: http.endpoint, meta: {router: r}, method: GET, path: /x, func: f}
  - {name: e2, kind: http.endpoint, meta: {router: r}, method: GET, path: /y, func: f}
  - {name: f, kind: function.python, source: file://h.py}
  - {name: d, kind: queue.driver.memory}
  - {name: q, kind: queue.queue, driver: d}
  - {name: db, kind: db.sql.sqlite, file: x.db, pragmas: {}}
  - {name: n, kind: registry.entry, deep: {x: {}}, list: [a]}
"""


def findings(folder: Path, *overrides: str) -> str:
    settle(folder)
    (folder / "_index.yaml").write_text(CHANGED)
    parsed = [Override.parse(text) for text in overrides]
    printed = io.StringIO()
    try:
        link(read(folder, parsed, {}), Registry())
    except ManifestError as error:
        print_findings(error.findings, printed)
    return printed.getvalue()


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("g:addr", "'addr' is text, not "),
        ("g:max_body", "'max_body' is text, not a size"),
        ("g:timeouts", "'timeouts' is text, not a mapping"),
        ("g:timeouts.read", "'timeouts.read' is text, not a duration; write 500ms, 10s or 1h30m"),
        ("g:lifecycle.auto_start", "'lifecycle.auto_start' is text, not true or false"),
        ("g:kind", "unknown kind '…'"),
        ("r:middleware", "'middleware' is text, not a list"),
        ("r:middleware.0", "…"),
        ('r:options."ratelimit.burst"', "…"),
        ("r:meta.server", "no entry '…'"),
        ("e:method", "'method' is text, not one of "),
        ("q:driver", "no entry '…'"),
        ("f:source", "'source' is text, not a source"),
        ("f:method", "no function '…' in 'h.py'"),
        ("f:modules", "'modules' is text, not a list"),
    ],
)
def test_no_finding_shows_the_value_of_an_override(field: str, said: str, tmp_path: Path) -> None:
    told = findings(tmp_path, f"app:{field}=hunter2_secret")

    assert said in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "override",
    [
        "db:pragmas={hunter2: [x]}",
        "db:pragmas={hunter2: {a: 1}}",
        "g:timeouts={hunter2: 1s}",
        "g:timeouts={reat: hunter2}",
        "q:retry={initial_delay: hunter2}",
        "q:retry={hunter2: {}}",
        "f:source=file://hunter2.py",
        "f:source=module://hunter2.x",
        "f:modules=[hunter2]",
        "f:modules={hunter2: 1}",
        "e:path=hunter2",
        "e:path=/{hunter2",
        "r:options={hunter2: 1}",
        "r:options={ratelimit.burst: hunter2}",
        "r:options={ratelimit.interval: " + "hunter2 " * 20 + "}",
        "r:middleware=[hunter2]",
        "g:tls={cert: hunter2, kee: hunter2}",
        "g:addr=1.2.3.4:hunter2",
        "q:dead_letter={queue: hunter2}",
        "q:dead_letter.max_attempts=hunter2",
        "kind:hunter2=1",
    ],
)
def test_nor_a_part_of_it(override: str, tmp_path: Path) -> None:
    told = findings(tmp_path, f"app:{override}")

    assert told
    assert "hunter2" not in told.replace("kind:hunter2", "")


def test_a_clash_shows_what_the_file_has(tmp_path: Path) -> None:
    told = findings(tmp_path, "app:e2:path=/x")

    assert "-o app:e2:path: GET /… is taken on 'app:g'; 'app:e' has it at " in told


@pytest.mark.parametrize(
    "text",
    [
        "a:b:c=*hunter2",
        "a:b:c=!hunter2 x",
        "a:b:c=&hunter2 x",
        "a:b:c={hunter2: 1, hunter2: 2}",
        "a:b:c=[hunter2",
        "a:b:c=x: hunter2: y",
        "a:b:c=%hunter2",
        "a:b:c=" + "7" * 5000,
        "a:b:hunter2",
        "a:b:c:hunter2",
    ],
)
def test_nor_does_the_complaint_that_it_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match="a:b") as caught:
        Override.parse(text)

    assert "hunter2" not in str(caught.value)
    assert "777" not in str(caught.value)


def test_show_says_which_fields_are_given_by_overrides(tmp_path: Path) -> None:
    (settle(tmp_path) / "_index.yaml").write_text(CHANGED)
    changes = (
        "app:n:deep.x.y=hunter2",
        "app:n:list.0=hunter2",
        "app:n:z={a: hunter2}",
    )
    options = [part for change in changes for part in ("-o", change)]

    for form in ([], ["--json"]):
        shown = execute("show", "n", str(tmp_path), *options, *form).out
        assert shown.count("(given by -o)") == 3
        assert "hunter2" not in shown
