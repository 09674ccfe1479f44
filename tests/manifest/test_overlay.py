"""Overlays: `-f prod.yaml`, what differs in one environment, checked like the manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runtime.entry_id import EntryId
from runtime.findings.finding import ManifestError
from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.override import Override
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import write_files

MANIFEST = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: ./x.db, pragmas: {synchronous: FULL, cache_size: 5}}
  - {name: data, kind: registry.entry, list: [1, 2], text: a, nested: {one: 1, two: 2}}
  - {name: driver, kind: queue.driver.memory}
  - {name: tasks, kind: queue.queue, driver: driver, retry: {max_delay: 1m}}
"""
ENVIRONMENT = {"PORT": "8080", "PASSWORD": "geheim"}


def linked(folder: Path, *overlays: str, overrides: tuple[str, ...] = ()) -> LinkedManifest:
    names = [f"{number}.yaml" for number in range(len(overlays))]
    write_files(folder, {"app/_index.yaml": MANIFEST, **dict(zip(names, overlays, strict=True))})
    options = [*map(Override.parse, overrides)]
    paths = [folder / name for name in names]
    return link(read(folder / "app", options, ENVIRONMENT, overlays=paths), Registry())


def fields(folder: Path, name: str, *overlays: str, overrides: tuple[str, ...] = ()) -> Any:
    manifest = linked(folder, *overlays, overrides=overrides)
    return manifest.links[EntryId("app", name)].entry.fields


def told(folder: Path, *overlays: str, overrides: tuple[str, ...] = ()) -> list[str]:
    try:
        linked(folder, *overlays, overrides=overrides)
    except ManifestError as error:
        return [str(finding).replace(f"{folder}/", "") for finding in error.findings]
    return []


def test_mappings_are_merged_and_all_else_is_replaced(tmp_path: Path) -> None:
    text = """
        app:data:
          list: [3]
          text: {now: a mapping}
          nested: {two: 3, three: {four: 4}}
    """

    data = fields(tmp_path, "data", text)

    assert data["list"] == [3]
    assert data["text"] == {"now": "a mapping"}
    assert data["nested"] == {"one": 1, "two": 3, "three": {"four": 4}}


def test_null_removes_what_is_there(tmp_path: Path) -> None:
    text = "app:db: {pragmas: {cache_size: null}}\napp:tasks: {driver: null, retry: ~}"

    assert fields(tmp_path, "db", text)["pragmas"] == {"synchronous": "FULL"}
    assert "retry" not in fields(tmp_path, "tasks", text)
    assert fields(tmp_path, "tasks", text)["driver"] == "app:driver"  # the only one


def test_later_files_win_and_overrides_win_over_all(tmp_path: Path) -> None:
    files = ("app:data: {text: b, list: [3]}", "app:data: {text: c}")

    data = fields(tmp_path, "data", *files, overrides=("app:data:list=[4]",))

    assert (data["text"], data["list"]) == ("c", [4])


def test_a_kind_can_be_changed_and_placeholders_are_filled(tmp_path: Path) -> None:
    text = """
        app:db:
          kind: db.sql.postgres
          dsn: "postgresql://app:${secret:PASSWORD}@db:${env:PORT}/app"
    """

    manifest = linked(tmp_path, text)

    entry = manifest.links[EntryId("app", "db")].entry
    assert entry.kind == "db.sql.postgres"
    assert entry.fields["dsn"] == "postgresql://app:geheim@db:8080/app"
    assert "geheim" in manifest.manifest.secrets


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("app:db: {file: 5}", "0.yaml:1:16: 'file' is 5, not text; quote it to make it text"),
        ("app:db:\n  fiel: x", "0.yaml:2:3: unknown field 'fiel'; did you mean 'file'?"),
        ("app:db:\n  file: null", "0.yaml:2:3: missing field 'file'"),
        ("app:dv: {file: x}", "0.yaml:1:1: no entry 'app:dv'; did you mean 'app:db'?"),
        ("db: {file: x}", "0.yaml:1:1: 'db' is not an id; write 'app:db'"),
        (
            "app:tasks:\n  driver: drivr",
            "0.yaml:2:11: no entry 'app:drivr'; did you mean 'app:driver'?",
        ),
        (
            "app:tasks: {retry: {max_delay: soon}}",
            "0.yaml:1:32: 'retry.max_delay' is 'soon', not a duration; write 500ms, 10s or 1h30m",
        ),
        (
            "app:db: {name: x}",
            "0.yaml:1:10: this would rename 'app:db'; only its other fields can change",
        ),
        ("app:db: {kind: 5}", "0.yaml:1:16: 'kind' is not text"),
        (
            "app:db:",
            "0.yaml:1:8: 'app:db' has no fields here; an entry cannot be replaced or removed; "
            "write 'namespace:name' and below it the fields to change",
        ),
        (
            "[a]",
            "0.yaml:1:1: not a mapping of ids to fields; "
            "write 'namespace:name' and below it the fields to change",
        ),
        (
            "app:db: {file: '${env:NO}'}",
            "0.yaml:1:16: the environment variable 'NO' is not set; "
            "set it, or give a default: ${env:NO|…}",
        ),
        (
            "app:db: {file: x}\napp:db: {file: y}",
            "0.yaml:2:1: duplicate key 'app:db'; the first is at 0.yaml:1:1; remove one of them",
        ),
        (
            MANIFEST.strip(),
            "0.yaml:2:1: this file is a manifest; "
            "write 'namespace:name' and below it the fields to change",
        ),
    ],
)  # fmt: skip
def test_a_finding_stands_on_its_own_line(text: str, said: str, tmp_path: Path) -> None:
    assert told(tmp_path, text) == [said]


def test_what_was_not_changed_keeps_its_place(tmp_path: Path) -> None:
    entry = linked(tmp_path, "app:db: {pragmas: {cache_size: 6}}").links[EntryId("app", "db")].entry

    assert entry.at("pragmas", "cache_size").file.endswith("0.yaml")
    assert entry.at("pragmas", "synchronous").file.endswith("_index.yaml")


def test_an_override_of_the_whole_hides_the_place_of_a_part(tmp_path: Path) -> None:
    overrides = ("app:db:pragmas={cache_size: 7}",)

    entry = linked(tmp_path, "app:db: {pragmas: {cache_size: 6}}", overrides=overrides)

    place = entry.links[EntryId("app", "db")].entry.at("pragmas", "cache_size")
    assert str(place) == "-o app:db:pragmas"


def test_a_file_of_comments_changes_nothing(tmp_path: Path) -> None:
    assert told(tmp_path, "# nothing yet\n") == []
