"""References that are left out, since only one entry could answer them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.entry_id import EntryId
from runtime.findings.finding import ManifestError
from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.override import Override
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import execute, write_files

SHORT = """
namespace: app
entries:
  - {name: web, kind: http.service, addr: ":8080"}
  - {name: router, kind: http.router, meta: {title: routes}}
  - {name: get, kind: http.endpoint, method: GET, path: /, func: "file://h.py"}
  - {name: files, kind: http.static, path: /files, directory: .}
  - {name: db, kind: db.sql.sqlite, file: ./x.db}
  - {name: driver, kind: queue.driver.sql}
  - {name: memory, kind: queue.queue}
  - {name: host, kind: process.host}
  - {name: poller, kind: process.service, process: "file://h.py"}
"""
TARGETS = {
    "router": "app:web",
    "get": "app:router",
    "files": "app:web",
    "driver": "app:db",
    "memory": "app:driver",
    "poller": "app:host",
}


def linked(folder: Path, manifest: str = SHORT, *overrides: str) -> LinkedManifest:
    write_files(folder, {"_index.yaml": manifest, "h.py": "def main(): pass"})
    options = [*map(Override.parse, overrides)]
    return link(read(folder, options, environment={}), Registry())


def found(folder: Path, manifest: str) -> list[str]:
    try:
        linked(folder, manifest)
    except ManifestError as error:
        return [each.message for each in error.findings]
    return []


def test_the_only_entry_of_its_kind_is_meant(tmp_path: Path) -> None:
    manifest = linked(tmp_path)

    links = {id.name: [*map(str, link.targets)] for id, link in manifest.links.items()}
    assert {name: targets for name, targets in links.items() if targets} == {
        name: [target] for name, target in TARGETS.items()
    }
    assert EntryId("app", "db") in manifest.graph.needs[EntryId("app", "driver")]


def test_show_and_graph_tell_what_is_meant(tmp_path: Path) -> None:
    linked(tmp_path)

    shown = json.loads(execute("show", "get", str(tmp_path), "--json").out)
    edges = json.loads(execute("graph", str(tmp_path), "--json").out)["edges"]

    assert shown["fields"]["meta"] == {"router": "app:router"}
    assert {"from": "app:get", "field": "router", "to": "app:router"} in edges


def test_an_override_may_give_it(tmp_path: Path) -> None:
    manifest = SHORT + "  - {name: other, kind: process.host}\n"

    assert found(tmp_path, manifest) == [
        f"missing field 'host', which could be 'app:host' ({tmp_path}/_index.yaml:10:12) "
        f"or 'app:other' ({tmp_path}/_index.yaml:12:12)"
    ]
    given = linked(tmp_path, manifest, "app:poller:host=other")
    assert given.links[EntryId("app", "poller")].references[("host",)].name == "other"


def test_a_kind_takes_no_field_of_its_family_for_its_own(tmp_path: Path) -> None:
    manifest = SHORT.replace("queue.driver.sql", "queue.driver.memory")

    driver = linked(tmp_path, manifest).links[EntryId("app", "driver")]

    assert "database" not in driver.entry.fields


def test_a_file_that_cannot_be_read_may_declare_what_is_meant(tmp_path: Path) -> None:
    write_files(tmp_path, {"more/_index.yaml": "namespace: [", "h.py": ""})
    manifest = "namespace: app\nentries:\n  - {name: tasks, kind: queue.queue}\n"

    assert not [text for text in found(tmp_path, manifest) if "missing" in text]


def test_names_are_alike_by_themselves_and_not_by_their_namespace(tmp_path: Path) -> None:
    def hint(router: str) -> str | None:
        manifest = SHORT.replace("path: /,", f"path: /, meta: {{router: {router}}},")
        with pytest.raises(ManifestError) as caught:
            linked(tmp_path, manifest)
        return caught.value.findings[0].hint

    assert hint("ruoter") == "did you mean 'app:router'?"
    assert hint("nope") == "there is 'app:router'"
    assert hint("apq:router") == "did you mean 'app:router'?"
