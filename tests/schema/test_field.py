"""Fields: defaults, conversions and references of an entry."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.registry import Registry
from runtime.schema.field import Field
from tests.support.sample_manifest import examples, findings, settle

registry = Registry()


def filled(kind: str, **fields: Any) -> dict[str, Any]:
    entry = {"name": "x", "kind": kind, **fields}
    result: dict[str, Any] = registry.schema(kind).field.fill(entry, lambda text: f"<{text}>")
    return result


def test_quantities_are_numbers_and_ids_are_resolved() -> None:
    queue = filled("queue.queue", driver="app:d", retry={"max_delay": "1m30s"})

    assert queue["driver"] == "<app:d>"
    assert queue["retry"] == {
        "initial_delay": 1.0,
        "max_delay": 90.0,
        "backoff_factor": 2,
        "jitter": 0.2,
    }
    assert filled("http.service", addr=":0")["max_body"] == 10 * 1024 * 1024


def test_an_absent_field_of_the_entry_is_none_and_one_inside_an_object_is_not_there() -> None:
    router = filled("http.router", meta={"server": "s"}, options={"cors.max.age": 5})

    assert filled("http.router", meta={"server": "s"})["options"] is None
    assert router["options"] == {"cors.max.age": 5}


def test_an_object_with_defaults_is_there_and_one_that_requires_a_field_is_not() -> None:
    service = filled("http.service", addr=":0")

    assert service["timeouts"]["idle"] == 60.0
    assert service["tls"] is None


def test_a_whole_number_written_with_a_point_is_whole() -> None:
    limit = filled("process.host", max_processes=2.0)["max_processes"]

    assert (limit, type(limit)) == (2, int)


@pytest.mark.parametrize(("kind", "example"), list(examples()))
def test_one_field_is_what_it_is_among_all(kind: str, example: dict[str, Any]) -> None:
    field = registry.schema(kind).field
    everything = field.fill(example, str.upper)

    assert {name: field.fill_one(example, name, str.upper) for name in everything} == everything
    with pytest.raises(KeyError):
        field.fill_one(example, "unheard_of", str.upper)


def test_lists_are_new_each_time() -> None:
    service = filled("process.service", process="p", host="h")
    service["input"].append(1)

    assert filled("process.service", process="p", host="h")["input"] == []


def test_explain_keeps_what_a_manifest_would_say() -> None:
    field = registry.schema("queue.queue").field

    shown = field.explain({"name": "q", "kind": "queue.queue", "driver": "d"})

    assert shown["driver"] == "d"
    assert shown["retry"]["max_delay"] == "5m"
    assert "queue" not in shown["dead_letter"]


def test_a_field_is_found_by_its_path() -> None:
    field = registry.schema("process.host").field

    found = field.at(("lifecycle", "requires", 3))

    assert found is not None
    assert found.kinds == ("*",)
    assert field.at(("lifecycle", "nothing", "below")) is None


def test_references_are_told_even_from_what_is_not_valid() -> None:
    field = registry.schema("process.host").field

    entry = {"lifecycle": {"requires": ["a", 5, "b"], "depends_on": "c"}}

    told = [(reference.path, reference.text) for reference in field.references(entry)]
    assert told == [(("lifecycle", "requires", 0), "a"), (("lifecycle", "requires", 2), "b")]


def test_the_text_beside_a_reference_beats_that_of_its_target() -> None:
    shared = {"name": {"type": "string", "description": "shared"}}

    field = Field({"$ref": "x.json#/$defs/name", "description": "own"}, shared)

    assert field.description == "own"
    assert field.types == {"string"}


def test_every_example_is_right_by_what_its_kind_checks_too(tmp_path: Any) -> None:
    settle(tmp_path)

    assert [(kind, found) for kind, e in examples() if (found := findings(tmp_path, e, {}))] == []
