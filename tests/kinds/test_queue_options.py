"""The options of queues: each driver's schema declares its own, also one of another package."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from runtime.application.assembly import typed
from runtime.cli.bundle import editor_schema
from runtime.cli.page import page
from runtime.findings.finding import ManifestError
from runtime.kind import Kind, Stage
from runtime.kinds.queue import queue
from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.override import Override
from runtime.manifest.reader import read
from runtime.registry import Registry

OPTIONS = {
    "type": "object",
    "additionalProperties": False,
    "default": {},
    "properties": {
        "prefix": {"type": "string", "default": "acme"},
        "window": {"type": "integer", "minimum": 1, "default": 7},
        "wait": {"$ref": "../entry.schema.json#/$defs/duration", "default": "2s"},
    },
}


def acme(**options: Any) -> Kind:
    """A driver of another package."""
    reference = "../entry.schema.json#/$defs/"
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "kind"],
        "properties": {
            "name": {"$ref": f"{reference}name"},
            "kind": {"const": "queue.driver.acme"},
            "meta": {"$ref": f"{reference}meta"},
            "lifecycle": {"$ref": f"{reference}lifecycle"},
        },
        **options,
    }
    return Kind("queue.driver.acme", dict, dict, stage=Stage.RESOURCE, schema=schema)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    return with_driver(monkeypatch, acme(**{"x-queue-options": OPTIONS}))


def with_driver(monkeypatch: pytest.MonkeyPatch, kind: Kind) -> Registry:
    point = EntryPoint(kind.name, "nowhere:kind", "runtime.kinds")
    monkeypatch.setattr(EntryPoint, "load", lambda point: kind)
    registry = Registry()
    registry.__dict__["_installed"] = {kind.name: point}
    return registry


def linked(
    folder: Path, registry: Registry, driver: str, options: str, *overrides: str, **env: str
) -> LinkedManifest:
    (folder / "_index.yaml").write_text(
        "namespace: app\nentries:\n"
        f"  - {{name: tasks, kind: queue.queue, driver: driver, driver_options: {options}}}\n"
        f"  - {{name: driver, kind: queue.driver.{driver}}}\n"
    )
    return link(read(folder, [Override.parse(text) for text in overrides], env), registry)


def filled(manifest: LinkedManifest) -> Any:
    """The options that the queue's driver is given."""
    entry = next(link for id, link in manifest.links.items() if id.name == "tasks")
    values = entry.schema.field.fill(entry.entry.fields, lambda text: text)
    return typed(queue.Config, values).driver_options


def found(folder: Path, registry: Registry, driver: str, options: str) -> list[tuple[str, str]]:
    with pytest.raises(ManifestError) as raised:
        linked(folder, registry, driver, options)
    return [(finding.message, finding.hint or "") for finding in raised.value.findings]


def test_the_options_of_a_driver_from_outside_are_filled_and_converted(
    tmp_path: Path, registry: Registry
) -> None:
    options = filled(linked(tmp_path, registry, "acme", "{acme: {window: 3}}"))

    assert options["acme"] == {"prefix": "acme", "window": 3, "wait": 2.0}
    assert options["memory"]["max_length"] == 1000


def test_a_queue_without_options_has_the_defaults_of_a_driver_from_outside(
    tmp_path: Path, registry: Registry
) -> None:
    assert filled(linked(tmp_path, registry, "acme", "{}"))["acme"]["window"] == 7


def test_options_of_another_driver_are_checked_and_stay(tmp_path: Path, registry: Registry) -> None:
    options = filled(linked(tmp_path, registry, "memory", "{acme: {window: 3}}"))

    assert options["acme"]["window"] == 3
    assert found(tmp_path, registry, "memory", "{acme: {window: 0}}") == [
        ("'driver_options.acme.window' is 0, less than 1", "write at least 1")
    ]
    assert found(tmp_path, registry, "acme", "{sql: {max_length: many}}") == [
        ("'driver_options.sql.max_length' is 'many', not a whole number", "")
    ]


def test_an_option_that_no_driver_has_is_a_finding(tmp_path: Path, registry: Registry) -> None:
    assert found(tmp_path, registry, "acme", "{acme: {windw: 3}}") == [
        ("unknown field 'windw'", "did you mean 'window'?")
    ]


@pytest.mark.parametrize(
    ("name", "hint"), [("memroy", "did you mean 'memory'?"), ("acmee", "did you mean 'acme'?")]
)
def test_an_unknown_driver_is_a_finding_with_a_suggestion(
    name: str, hint: str, tmp_path: Path, registry: Registry
) -> None:
    assert found(tmp_path, registry, "memory", f"{{{name}: {{}}}}") == [
        (f"unknown field '{name}'", hint)
    ]


@pytest.mark.parametrize("name", ["nats", "sqs"])
def test_drivers_that_do_not_exist_have_no_options(name: str, tmp_path: Path) -> None:
    ((message, _),) = found(tmp_path, Registry(), "memory", f"{{{name}: {{}}}}")

    assert message == f"unknown field '{name}'"


def test_options_come_from_overrides_and_from_the_environment(
    tmp_path: Path, registry: Registry
) -> None:
    text = "{acme: {window: '${env:WINDOW}'}, memory: {max_length: 5}}"
    override = "app:tasks:driver_options.memory.max_length=3"
    options = filled(linked(tmp_path, registry, "memory", text, override, WINDOW="12"))

    assert options["acme"]["window"] == 12
    assert options["memory"]["max_length"] == 3


def test_a_driver_that_declares_none_has_an_empty_mapping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = with_driver(monkeypatch, acme())

    assert filled(linked(tmp_path, registry, "acme", "{acme: {}}"))["acme"] == {}
    assert found(tmp_path, registry, "acme", "{acme: {x: 1}}")[0][0] == "unknown field 'x'"


def test_options_that_are_no_schema_are_a_finding_of_their_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = with_driver(monkeypatch, acme(**{"x-queue-options": {"type": 5}}))

    ((message, _),) = found(tmp_path, registry, "acme", "{}")
    assert "the kind 'queue.driver.acme' has an invalid schema" in message


def test_packages_are_not_looked_for_while_nothing_needs_them(tmp_path: Path) -> None:
    registry = Registry()
    linked(tmp_path, registry, "memory", "{sql: {max_length: 5}}")

    assert "_installed" not in registry.__dict__


def test_pages_and_editors_know_the_options_of_all_installed_drivers(registry: Registry) -> None:
    text = page("queue.queue", registry.expanded_schema("queue.queue"))
    bags = editor_schema(registry)["$defs"]["queue.queue"]["properties"]["driver_options"]

    assert "| `driver_options.acme.window` | integer | `7` |" in text
    assert "| `driver_options.memory.max_length` | integer | `1000` |" in text
    assert set(bags["properties"]) == {"acme", "amqp", "memory", "sql"}
    assert bags["additionalProperties"] is False
