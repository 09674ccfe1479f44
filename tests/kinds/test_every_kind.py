"""Every built-in kind: its schema, its code and its name agree."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import pytest
from jsonschema import Draft202012Validator

from runtime.application.assembly import is_config
from runtime.findings.disclosure import OPEN
from runtime.registry import Registry
from runtime.schema.explain import explain
from runtime.schema.schema import FOLDER, load
from runtime.service import Stage

registry = Registry()
kinds = pytest.mark.parametrize("name", sorted(registry.built_in))
COMMON = {"name", "kind", "meta", "lifecycle"}


def schema_of(name: str) -> dict[str, Any]:
    return load(FOLDER / "kinds" / f"{name}.schema.json")


def test_every_schema_has_its_kind_and_every_kind_its_schema() -> None:
    files = {path.name.removesuffix(".schema.json") for path in (FOLDER / "kinds").iterdir()}

    assert files == registry.built_in


@kinds
def test_the_schema_is_one_and_says_its_name(name: str) -> None:
    schema = schema_of(name)

    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"{name}.schema.json"
    assert schema["title"] == name
    assert schema["properties"]["kind"]["const"] == name
    assert {"name", "kind"} <= set(schema["required"])


@kinds
def test_the_schema_is_closed(name: str) -> None:
    closed = schema_of(name).get("additionalProperties") is False

    assert closed or name == "registry.entry"


@kinds
def test_everything_is_described(name: str) -> None:
    document = dict(registry.schema(name).document)
    nameless = [
        path
        for path, field in walk(document, document["$defs"], name)
        if not field.get("description")
    ]

    assert nameless == []


@kinds
def test_the_examples_are_right(name: str) -> None:
    schema = registry.schema(name)

    assert schema.document["examples"]
    for example in schema.document["examples"]:
        assert schema.problems(example) == []
        # both validators: the quick one says yes, and the one that explains finds nothing
        assert list(Draft202012Validator(schema.document).iter_errors(example)) == []


@kinds
def test_the_config_has_the_fields_of_the_schema(name: str) -> None:
    config = registry[name].config
    properties = registry.schema(name).field.properties
    own = {name for name, field in properties.items() if "x-of" not in field.schema}
    expected = own - (COMMON - {"meta"})
    if not properties["meta"].properties:
        expected.discard("meta")

    hints = get_type_hints(config)
    assert set(hints) == expected
    for name_of, hint in hints.items():
        nested = nested_config(hint)
        if nested is not None:
            assert set(get_type_hints(nested)) == set(properties[name_of].properties), name_of


@kinds
def test_what_runs_has_a_lifecycle_and_what_does_not_has_none(name: str) -> None:
    has_lifecycle = "lifecycle" in schema_of(name)["properties"]

    # queue.queue allows one without effect, since official manifests write it there
    assert has_lifecycle == (registry[name].stage is not None or name == "queue.queue")


@kinds
def test_what_starts_by_default_and_what_does_not(name: str) -> None:
    stage = registry[name].stage
    if stage is not None:
        lifecycle = registry.schema(name).field.explain({})["lifecycle"]

        by_default = ("schedule.cron", "event.subscriber")
        starts = stage in (Stage.RESOURCE, Stage.MIGRATION) or name in by_default
        assert lifecycle["auto_start"] is starts


def test_the_lifecycle_of_a_resource_differs_in_its_start_only() -> None:
    shared = load(FOLDER / "entry.schema.json")["$defs"]
    theirs, others = (shared[name]["properties"] for name in ("resource_lifecycle", "lifecycle"))

    assert {name for name in theirs | others if theirs[name] != others[name]} == {"auto_start"}


def test_what_connects_to_a_server_is_a_resource_that_tries_again_every_few_seconds() -> None:
    shared = load(FOLDER / "entry.schema.json")["$defs"]
    theirs, others = (
        shared[name]["properties"] for name in ("server_lifecycle", "resource_lifecycle")
    )
    assert {name for name in theirs | others if theirs[name] != others[name]} == {"restart"}
    theirs, others = (shared[name]["properties"] for name in ("server_restart", "restart"))
    assert {name for name in theirs | others if theirs[name] != others[name]} == {"max_delay"}

    lifecycle = registry.schema("queue.driver.amqp").field.explain({})["lifecycle"]
    assert lifecycle["restart"]["max_delay"] == "5s"


@kinds
def test_the_module_begins_with_the_name(name: str) -> None:
    doc = importlib.import_module(f"runtime.kinds.{name}").__doc__

    assert doc is not None
    assert doc.startswith(f"{name}: ")


@kinds
def test_an_unknown_field_is_refused_by_both_validators(name: str) -> None:
    if name == "registry.entry":
        return
    schema = registry.schema(name)
    wrong = {**schema.document["examples"][0], "no_such_field": 1}

    (problem,) = schema.problems(wrong)

    assert problem.message == "unknown field 'no_such_field'"
    assert [*explain(schema.document, schema.field, wrong, OPEN)] == [problem]


def nested_config(hint: Any) -> Any:
    choices = [hint, *get_args(hint)]
    return next((choice for choice in choices if is_config(choice) and own(choice)), None)


def own(choice: Any) -> bool:
    """True if a class of fields is a config of this project, and not a component."""
    return all(not hasattr(choice, name) for name in ("run", "publish", "call"))


def walk(
    schema: dict[str, Any], definitions: dict[str, Any], path: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of a value inside a schema, references followed."""
    while "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from walk(inner, definitions, f"{path}.{name}")
