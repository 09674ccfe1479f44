"""Notes of `validate`: what is no mistake, and yet likely meant otherwise."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import execute

START = "lifecycle: {auto_start: true}"
GOOD = [
    f"{{name: g, kind: http.service, addr: ':0', {START}}}",
    "{name: r, kind: http.router, meta: {server: g}}",
    "{name: e, kind: http.endpoint, meta: {router: r}, method: GET, path: /, func: f}",
    "{name: f, kind: function.python, source: file://h.py}",
    "{name: d, kind: queue.driver.memory}",
    "{name: q, kind: queue.queue, driver: d}",
    f"{{name: c, kind: queue.consumer, queue: q, func: one, {START}}}",
    "{name: one, kind: function.python, source: file://h.py, method: one}",
    "{name: h, kind: process.host}",
    "{name: p, kind: process.python, source: file://h.py}",
    f"{{name: s, kind: process.service, process: p, host: h, {START}}}",
]
HANDLERS = "def main(): pass\ndef one(body): pass\n"


def write(folder: Path, *entries: str) -> Path:
    lines = "".join(f"  - {entry}\n" for entry in entries)
    (folder / "_index.yaml").write_text(f"namespace: app\nentries:\n{lines}")
    (folder / "h.py").write_text(HANDLERS)
    return folder


def linked(folder: Path, *entries: str, allow_unset: bool = False) -> LinkedManifest:
    write(folder, *entries)
    return link(read(folder, (), {"PIN": "123"}, allow_unset), Registry())


def notes(folder: Path, *entries: str) -> list[str]:
    return [str(note).partition("_index.yaml:")[2] for note in linked(folder, *entries).notes]


def test_a_good_manifest_has_none(tmp_path: Path) -> None:
    assert notes(tmp_path, *GOOD) == []


@pytest.mark.parametrize(
    ("name", "also", "said"),
    [
        ("e", "", "no endpoint is on this router"),
        ("r", "e", "this server has no router and no files: it answers 404 only"),
        ("q", "c", "no queue is on this driver"),
        ("c", "", "no consumer takes the messages of this queue; "),
        ("s", "", "no service runs on this host"),
        ("s", "", "no service runs this process"),
        ("e", "", "no entry calls this function"),
    ],
)
def test_an_entry_without_effect_has_one(name: str, also: str, said: str, tmp_path: Path) -> None:
    left = [
        entry for entry in GOOD if not entry.startswith((f"{{name: {name},", f"{{name: {also},"))
    ]

    assert any(f": note: {said}" in note for note in notes(tmp_path, *left))


@pytest.mark.parametrize("name", ["g", "c", "s"])
def test_a_service_that_nothing_starts_has_one_unless_it_says_so(name: str, tmp_path: Path) -> None:
    silent = [
        entry.replace(f", {START}", "") if entry.startswith(f"{{name: {name},") else entry
        for entry in GOOD
    ]

    (note,) = notes(tmp_path, *silent)
    assert f"note: nothing starts 'app:{name}'; write 'lifecycle: {{auto_start: true}}'" in note
    decided = [entry.replace(START, "lifecycle: {auto_start: false}") for entry in GOOD]
    assert notes(tmp_path, *decided) == []


def test_a_service_that_another_needs_is_started(tmp_path: Path) -> None:
    entries = [entry.replace(f"func: one, {START}", "func: one") for entry in GOOD]
    entries[0] = (
        "{name: g, kind: http.service, addr: ':0', lifecycle: {auto_start: true, requires: [c]}}"
    )

    assert notes(tmp_path, *entries) == []


def test_a_short_secret_has_one(tmp_path: Path) -> None:
    (note,) = notes(tmp_path, "{name: n, kind: registry.entry, a: [1, '${secret:PIN}']}")

    assert note.startswith(
        "3:44: note: a secret of fewer than 4 characters is not hidden in the log"
    )
    assert "123" not in note


def test_a_placeholder_in_the_name_of_a_field_has_one(tmp_path: Path) -> None:
    (note,) = notes(tmp_path, "{name: n, kind: registry.entry, a: {'${env:PIN}': 1}}")

    assert note == "3:41: note: a placeholder in the name of a field is not filled"


def test_they_stand_behind_the_findings_and_change_no_exit_code(tmp_path: Path) -> None:
    write(tmp_path, "{name: d, kind: queue.driver.memory}")

    ended = execute("validate", str(tmp_path))
    (data,) = json.loads(execute("validate", str(tmp_path), "--json").out)

    assert ended.code == 0
    first, *_, last = ended.out.splitlines()
    assert first.endswith("_index.yaml:3:12: note: no queue is on this driver")
    assert last == "1 entry in 1 file, no findings"
    assert (data["level"], data["line"], data["column"]) == ("note", 3, 12)
    assert execute("list", str(tmp_path)).code == 0


def test_findings_have_the_level_error(tmp_path: Path) -> None:
    write(tmp_path, "{name: d, kind: nope}")

    (data,) = json.loads(execute("validate", str(tmp_path), "--json").out)

    assert data["level"] == "error"


UNSET = [
    "{name: g, kind: http.service, addr: '${env:ADDR}', tls: {cert: '${file:cert}', key: k}}",
    "{name: r, kind: http.router, meta: {server: '${env:SERVER}'}, prefix: '${env:PREFIX}'}",
    "{name: e, kind: http.endpoint, meta: {router: r}, method: '${env:M}', path: /, func: f}",
    "{name: f, kind: function.python, source: 'file://${env:FILE}', method: '${env:METHOD}'}",
    "{name: d, kind: '${env:DRIVER}'}",
    "{name: q, kind: queue.queue, driver: d, retry: {jitter: '${env:JITTER}'}}",
    "{name: n, kind: registry.entry, key: 'a ${secret:KEY}'}",
]


def test_a_manifest_is_checked_although_variables_are_unset_if_told_so(tmp_path: Path) -> None:
    told = [str(note) for note in linked(tmp_path, *UNSET, allow_unset=True).notes]

    unset = [text for text in told if "is not set" in text or "cannot be read" in text]
    assert len(unset) == 10
    assert all(": note: the " in text for text in unset)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["validate"], "7 entries in 1 file, no findings"),
        (["list"], "app:d  ${env:DRIVER}"),
        (["graph"], "└─ driver: app:d"),
        (["graph", "--json"], '"to": "app:d"'),
        (["show", "g"], "addr: ${env:ADDR}"),
    ],
)
def test_so_are_listings(command: list[str], said: str, tmp_path: Path) -> None:
    write(tmp_path, *UNSET)

    assert execute(*command, str(tmp_path)).code == 3
    ended = execute(*command, str(tmp_path), "--allow-unset", env={**os.environ})
    assert ended.code == 0
    assert said in ended.out


def test_what_else_is_wrong_is_found_although_variables_are_unset(tmp_path: Path) -> None:
    write(tmp_path, "{name: g, kind: http.service, addr: '${env:ADDR}', max_body: 5, nope: 1}")

    ended = execute("validate", str(tmp_path), "--allow-unset")

    assert ended.code == 3
    assert "2 findings, 1 note" in ended.out
    assert execute("run", str(tmp_path), "--allow-unset").code == 2


def test_addresses_are_not_left_untried_in_silence(tmp_path: Path) -> None:
    write(tmp_path, "{name: processes, kind: process.host}")

    none = execute("validate", str(tmp_path), "--connect")
    both = execute("validate", str(tmp_path), "--connect", "--allow-unset")

    assert (none.code, none.out.splitlines()[0]) == (0, "no entry has an address to try")
    assert both.code == 2
    assert "--connect needs the values that --allow-unset does without" in both.err
