"""queue.driver.sql: the databases that it takes."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from runtime.findings.finding import ManifestError
from runtime.kind import Kind, Stage
from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.reader import read
from runtime.registry import Registry

MANIFEST = """
namespace: app
entries:
  - {name: db, kind: db.sql.acme}
  - {name: driver, kind: queue.driver.sql, database: db}
  - {name: tasks, kind: queue.queue, driver: driver}
"""
REFERENCE = "../entry.schema.json#/$defs/"
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "kind"],
    "properties": {
        "name": {"$ref": f"{REFERENCE}name"},
        "kind": {"const": "db.sql.acme"},
        "meta": {"$ref": f"{REFERENCE}meta"},
        "lifecycle": {"$ref": f"{REFERENCE}lifecycle"},
    },
}


def linked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, unsupported: dict[str, str]
) -> LinkedManifest:
    """An application whose queues are in a database of another package."""
    name = "db.sql.acme"
    kind = Kind(name, dict, dict, stage=Stage.RESOURCE, schema=SCHEMA, unsupported=unsupported)
    monkeypatch.setattr(EntryPoint, "load", lambda point: kind)
    registry = Registry()
    registry.__dict__["_installed"] = {name: EntryPoint(name, "nowhere:kind", "runtime.kinds")}
    (folder / "_index.yaml").write_text(MANIFEST)
    return link(read(folder, [], {}), registry)


def test_a_database_of_another_package_keeps_queues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert linked(tmp_path, monkeypatch, {}).links


def test_a_database_that_keeps_no_queues_is_refused_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ManifestError) as raised:
        linked(tmp_path, monkeypatch, {"queues": "it is read-only"})
    (finding,) = raised.value.findings

    assert finding.message == (
        "'app:db' is of kind db.sql.acme, which keeps no queues: it is read-only"
    )
    assert finding.hint == "name another database"
