"""Schemas: two validators that must agree, and the schema for editors."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from runtime.cli.bundle import editor_schema
from runtime.findings.disclosure import OPEN, Disclosure
from runtime.registry import Registry
from runtime.schema.explain import explain
from runtime.schema.schema import FOLDER, bundle, envelope_schema, load
from runtime.schema.validator import compile_validator
from tests.support.blackbox import APPS, EXAMPLE, ROOT
from tests.support.sample_manifest import examples, paths

registry = Registry()

WRONG: tuple[Any, ...] = (
    None, True, 0, -1, 2.0, 2.5, 10**30, "", "x", "x\n", "/x\n", "10s\n", "10s", "app:x\n", ":80\n",
    "é", "a b", "/a/{b", [], ["x", "x"], [1], {}, {"x": 1}, "9" * 400 + "h",
)  # fmt: skip


def mutants(example: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """An example with one value changed or removed, or with one key too many."""
    for path in paths(example):
        for wrong in WRONG:
            mutant = copy.deepcopy(example)
            holder: Any = mutant
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = wrong
            yield mutant
        del holder[path[-1]]
        yield mutant
        if isinstance(holder, dict):
            holder["unheard_of"] = 1
            yield mutant


@pytest.mark.parametrize(("kind", "example"), list(examples()))
def test_the_quick_validator_and_the_one_that_explains_agree(
    kind: str, example: dict[str, Any]
) -> None:
    schema = registry.schema(kind)
    is_valid = compile_validator(schema.document, schema.document["$defs"])

    refused = 0
    for mutant in mutants(example):
        problems = explain(schema.document, schema.field, mutant, OPEN)
        if 2.0 in [value for value in flat(mutant) if type(value) is float]:
            assert not (is_valid(mutant) and problems), mutant  # a whole number, on second thought
        else:
            assert is_valid(mutant) == (not problems), mutant
        refused += bool(problems)

    assert is_valid(example)
    assert refused or kind == "registry.entry"


def flat(value: Any) -> Iterator[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    yield value
    for item in inner:
        yield from flat(item)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"anyOf": [{"type": "string"}]}, "x"),
        ({"properties": {"a": {"format": "email"}}}, {"a": "x"}),
        ({"additionalProperties": {"anyOf": [{"type": "string"}]}}, {"a": "x"}),
        ({"items": False}, []),
        ({"uniqueItems": True}, [1, 2]),
        ({"type": "integer"}, 2.0),
        ({"enum": [1]}, 1.0),
    ],
)
def test_what_the_quick_validator_cannot_tell_it_leaves_to_the_other(
    schema: dict[str, Any], value: object
) -> None:
    assert Draft202012Validator(schema).is_valid(value)
    assert not compile_validator(schema, {})(value)


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"$ref": "#/$defs/short", "minLength": 2}, "ab", "abc"),
        ({"$ref": "#/$defs/short", "minLength": 2}, "ab", "a"),
        ({"enum": [1, None, "x"]}, None, True),
        ({"const": False}, False, 0),
        ({"type": ["number", "null"]}, 2.5, True),
        ({"uniqueItems": True}, ["a", "b"], ["a", "a"]),
        ({"uniqueItems": False}, ["a", "a"], None),
        ({"maxLength": 2}, "ab", "abc"),
        ({"minLength": 2}, [], "a"),
        ({"minItems": 1}, [1], []),
        ({"maxItems": 1}, "ab", [1, 2]),
        ({"minProperties": 1}, {"a": 1}, {}),
        ({"maxProperties": 1}, {"a": 1}, {"a": 1, "b": 2}),
        ({"additionalProperties": False}, {}, {"a": 1}),
        ({"additionalProperties": {"type": "string"}}, {"a": "x"}, {"a": 1}),
        (
            {"properties": {"b": {}}, "additionalProperties": {"type": "string"}},
            {"a": "x", "b": 1},
            {"a": 1},
        ),
        ({"properties": {"a": {"maximum": 3}}}, {"a": 3, "b": 9}, {"a": 4}),
    ],
)
def test_the_quick_validator_obeys_each_keyword(
    schema: dict[str, Any], right: object, wrong: object
) -> None:
    definitions = {"short": {"type": "string", "pattern": "^.{0,2}$"}}
    slow = Draft202012Validator({**schema, "$defs": definitions})

    for value in (right, wrong):
        assert compile_validator(schema, definitions)(value) == slow.is_valid(value)
    assert compile_validator(schema, definitions)(right)


def test_a_number_beyond_all_bounds_is_told_in_few_words() -> None:
    schema = registry.schema("queue.consumer")
    entry = {"name": "c", "kind": "queue.consumer", "queue": "q", "func": "f"}

    (problem,) = schema.problems({**entry, "concurrency": 10**3000})

    assert problem.message.endswith("…, more than 1000")
    assert len(problem.message) < 150


def test_one_fault_is_told_once() -> None:
    schema = registry.schema("http.static")
    entry = {"name": "s", "kind": "http.static", "path": "/", "directory": "d", "index": ""}

    told = [problem.message for problem in schema.problems({**entry, "metta": {}})]

    # `index` is too short and malformed too, and a misspelt `meta` is not missing as well
    assert sorted(told) == ["'index' is '', but must not be empty", "unknown field 'metta'"]


def test_no_hint_is_drawn_from_a_secret() -> None:
    schema = registry.schema("http.endpoint")
    entry = {**schema.document["examples"][0], "method": "GETT"}
    secret = {("method",): "${secret:METHOD}"}
    variable = {("method",): "${env:METHOD}"}

    (shown,) = schema.problems(entry)
    (hidden,) = schema.problems(entry, Disclosure(secret, hidden=secret))
    (named,) = schema.problems(entry, Disclosure(variable))
    (overridden,) = schema.problems(entry, Disclosure(overrides=[("method",)]))

    assert shown.hint == named.hint == overridden.hint == "did you mean 'GET'?"
    assert shown.message.startswith("'method' is 'GETT', not one of GET")
    assert hidden.message.startswith("'method' is '${secret:METHOD}', not one of GET")
    assert hidden.hint is None
    assert named.message.startswith("'method' is 'GETT' (${env:METHOD}), not one of GET")
    assert overridden.message.startswith("'method' is text, not one of GET")


def test_the_envelope_and_the_shared_definitions_are_schemas() -> None:
    Draft202012Validator.check_schema(load(FOLDER / "entry.schema.json"))
    Draft202012Validator.check_schema(envelope_schema().document)


def test_a_bundle_stands_alone() -> None:
    text = str(bundle(load(FOLDER / "kinds" / "queue.queue.schema.json")))

    assert "entry.schema.json" not in text.replace("'$id'", "")


# --- for editors ---

EDITOR_SCHEMA = editor_schema(registry)
GOOD = [
    EXAMPLE / "src" / "_index.yaml",
    ROOT / "runtime/template/application/src/_index.yaml",
    *sorted(APPS.glob("*/_index.yaml")),
]


def test_the_editors_schema_is_one() -> None:
    Draft202012Validator.check_schema(EDITOR_SCHEMA)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.parent.name)
def test_the_editors_schema_takes_what_the_runtime_takes(path: Any) -> None:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))

    assert [error.message for error in Draft202012Validator(EDITOR_SCHEMA).iter_errors(data)] == []


@pytest.mark.parametrize(("kind", "example"), list(examples()))
def test_the_editors_schema_agrees_about_every_kind(kind: str, example: dict[str, Any]) -> None:
    check = Draft202012Validator(EDITOR_SCHEMA)
    own = Draft202012Validator(registry.expanded_schema(kind).document)
    chance = random.Random(kind)
    tried = chance.sample(all_mutants := list(mutants(example)), min(60, len(all_mutants)))

    for mutant in [example, *tried]:
        if mutant.get("kind") == kind:
            manifest = {"namespace": "app", "entries": [mutant]}
            assert check.is_valid(manifest) == own.is_valid(mutant), mutant


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("http.service", ("addr",)),
        ("queue.consumer", ("concurrency",)),
        ("queue.consumer", ("timeout",)),
        ("queue.consumer", ("lifecycle", "auto_start")),
        ("queue.consumer", ("queue",)),
        ("http.endpoint", ("method",)),
    ],
)
def test_the_editors_schema_takes_placeholders_and_nothing_else_more(
    kind: str, path: tuple[str, ...]
) -> None:
    check = Draft202012Validator(EDITOR_SCHEMA)
    entry = copy.deepcopy(registry.schema(kind).document["examples"][0])
    holder = entry
    for step in path[:-1]:
        holder = holder[step]

    holder[path[-1]] = "${env:NAME|x}"
    assert check.is_valid({"namespace": "app", "entries": [entry]})
    holder[path[-1]] = "$ nonsense $"
    assert not check.is_valid({"namespace": "app", "entries": [entry]})


def test_a_name_cannot_come_from_the_environment() -> None:
    manifest = {"namespace": "a", "entries": [{"name": "${env:X}", "kind": "process.host"}]}

    assert not Draft202012Validator(EDITOR_SCHEMA).is_valid(manifest)


def test_definitions_of_two_kinds_do_not_meet() -> None:
    definitions = EDITOR_SCHEMA["$defs"]

    assert "enum" in str(definitions["db.sql.sqlite:switch"])
    assert "switch" not in definitions
    assert all(kind in definitions for kind in registry.names)
