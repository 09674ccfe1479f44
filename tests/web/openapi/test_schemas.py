"""Schemas of types: names of components, and values that fit what a handler decodes."""

from __future__ import annotations

import datetime as dt
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypedDict, TypeVar
from uuid import UUID

import msgspec
import pytest
from jsonschema import Draft202012Validator
from msgspec import Meta
from pydantic import BaseModel

from runtime.engines.web.openapi.example import example
from runtime.engines.web.openapi.schemas import Schemas

T = TypeVar("T")


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Item(msgspec.Struct, forbid_unknown_fields=True):
    """Something in a cart."""

    name: Annotated[str, Meta(min_length=2, max_length=20, description="As on its label.")]
    price: Decimal
    color: Color = Color.RED
    size: int | None = None


class Cart(msgspec.Struct, rename="camel"):
    line_items: list[Item]
    parent_cart: Cart | None = None


class Card(msgspec.Struct, tag="card"):
    number: str


class Cash(msgspec.Struct, tag="cash"):
    given: int


class Page(msgspec.Struct, Generic[T]):
    items: list[T]


@dataclass
class Point:
    x: int
    y: int = 0


class Options(TypedDict, total=False):
    verbose: bool


class Pair(NamedTuple):
    first: int
    second: str


class Tuple3(msgspec.Struct, array_like=True):
    a: int
    b: str = "b"


class Model(BaseModel):
    name: str
    others: list[Model] = []


class Foreign:
    pass


TYPES: list[Any] = [
    int,
    Annotated[int, Meta(gt=3, lt=5)],
    Annotated[int, Meta(ge=10, multiple_of=7)],
    Annotated[float, Meta(ge=0.5, le=0.75)],
    bool,
    str,
    Annotated[str, Meta(min_length=8)],
    bytes,
    UUID,
    Decimal,
    dt.date,
    dt.datetime,
    Annotated[dt.datetime, Meta(tz=True)],
    dt.time,
    dt.timedelta,
    None,
    Literal["a", "b", 3],
    Color,
    list[int],
    Annotated[list[int], Meta(min_length=2)],
    set[str],
    tuple[int, str],
    tuple[int, ...],
    tuple[()],
    dict[str, int],
    dict[Annotated[str, Meta(max_length=3)], Item],
    int | str | None,
    Card | Cash,
    Card | Cash | None,
    Item,
    Cart,
    Page[Item],
    Point,
    Options,
    Pair,
    Tuple3,
    Any,
]


@pytest.mark.parametrize("type", TYPES, ids=str)
def test_the_example_of_a_schema_is_decoded_as_its_type(type: Any) -> None:
    schemas = Schemas([type])
    schema = {**schemas.of(type), "components": {"schemas": schemas.components}}
    value = example(schema, schemas.components)

    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(value)
    msgspec.json.decode(msgspec.json.encode(value), type=type)


def test_a_field_has_its_wire_name_its_limits_its_text_and_its_default() -> None:
    schemas = Schemas([Cart])

    assert schemas.of(Cart) == {"$ref": "#/components/schemas/Cart"}
    assert schemas.components["Cart"]["properties"]["lineItems"] == {
        "type": "array",
        "items": {"$ref": "#/components/schemas/Item"},
    }
    assert schemas.components["Item"] == {
        "title": "Item",
        "description": "Something in a cart.",
        "type": "object",
        "properties": {
            "name": {
                "type": "string",
                "minLength": 2,
                "maxLength": 20,
                "description": "As on its label.",
            },
            "price": {
                "type": ["string", "number"],
                "format": "decimal",
                "pattern": r"^[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$",
            },
            "color": {"$ref": "#/components/schemas/Color", "default": "red"},
            "size": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        },
        "required": ["name", "price"],
        "additionalProperties": False,
    }


def test_records_that_a_tag_tells_apart_say_which_is_which() -> None:
    assert Schemas([union := Card | Cash]).of(union) == {
        "oneOf": [{"$ref": "#/components/schemas/Card"}, {"$ref": "#/components/schemas/Cash"}],
        "discriminator": {
            "propertyName": "type",
            "mapping": {
                "card": "#/components/schemas/Card",
                "cash": "#/components/schemas/Cash",
            },
        },
    }


def test_a_set_may_be_sent_with_an_item_twice() -> None:
    schemas = Schemas([of := set[int]])

    assert schemas.of(of) == {"type": "array", "items": {"type": "integer"}}
    assert msgspec.json.decode(b"[1, 1]", type=of) == {1}


def test_a_generic_class_is_named_with_its_arguments() -> None:
    types: list[Any] = [Page[Item], Page[list[Item]], Page[int]]

    assert {*Schemas(types).components} == {
        "Color", "Item", "Page_Item", "Page_list_Item", "Page_int",
    }  # fmt: skip


def test_a_type_that_has_no_schema_is_any_value_and_spoils_no_other() -> None:
    unknown: Any = dict[int, set[list[int]]] | Foreign
    schemas = Schemas([Foreign, Item, unknown])

    assert schemas.of(Foreign) == {"description": "A value of type Foreign."}
    assert schemas.of(unknown) == {}
    assert "Item" in schemas.components


CODE = """
import msgspec
from pydantic import BaseModel

class Task(msgspec.Struct):
    {field}: int

class Form(BaseModel):
    {field}: int

def local():
    class Task(msgspec.Struct):
        inner: int
    return Task

class Outer:
    class Task(msgspec.Struct):
        nested: int
"""


def modules(package: str) -> dict[str, Any]:
    """Modules of an application, as they are imported under a package of our making."""
    names = [package, f"{package}.notes", f"{package}.users"]
    found = {name: types.ModuleType(name) for name in names}
    sys.modules.update(found)
    for name in names[1:]:
        exec(CODE.format(field=name[-5:]), found[name].__dict__)
    return found


@pytest.fixture
def application() -> Iterator[dict[str, Any]]:
    found = modules("shop_application")
    yield found
    for name in found:
        del sys.modules[name]


def test_classes_of_one_name_are_told_apart_by_their_modules(application: dict[str, Any]) -> None:
    notes, users = application["shop_application.notes"], application["shop_application.users"]
    schemas = Schemas([notes.Task, users.Task, notes.Outer.Task, notes.local(), notes.local()])

    assert schemas.of(users.Task) == {"$ref": "#/components/schemas/users.Task"}
    assert [*schemas.components] == [
        "Outer.Task", "local.Task", "local.Task_2", "notes.Task", "users.Task",
    ]  # fmt: skip


def test_models_of_one_name_are_told_apart_too(application: dict[str, Any]) -> None:
    notes, users = application["shop_application.notes"], application["shop_application.users"]
    schemas = Schemas([notes.Form, list[users.Form]])

    assert [*schemas.components] == ["notes.Form", "users.Form"]
    assert schemas.of(notes.Form) == {"$ref": "#/components/schemas/notes.Form"}


def test_names_are_the_same_after_a_reload(application: dict[str, Any]) -> None:
    again = modules("shop_application_2")
    try:
        first, second = (
            Schemas([each.Task for name, each in modules.items() if "." in name])
            for modules in (application, again)
        )
        assert first.components == second.components
        assert "application" not in msgspec.json.encode(first.components).decode()
    finally:
        for name in again:
            del sys.modules[name]


def test_a_pydantic_model_describes_itself_also_within_other_types() -> None:
    schemas = Schemas([types := list[Model] | None, Item])

    assert schemas.of(types) == {
        "anyOf": [
            {"type": "array", "items": {"$ref": "#/components/schemas/Model"}},
            {"type": "null"},
        ]
    }
    assert schemas.components["Model"]["properties"]["others"]["items"] == {
        "$ref": "#/components/schemas/Model"
    }


def test_a_model_with_a_field_that_pydantic_cannot_describe_is_an_object() -> None:
    class Odd(BaseModel, arbitrary_types_allowed=True):
        value: Foreign

    schemas = Schemas([Odd, Model])

    assert schemas.of(Odd) == {"title": "Odd", "type": "object"}
    assert "Model" in schemas.components
