"""Parameters: the parts of a request that an operation takes, as OpenAPI describes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from runtime.engines.web.openapi.generator import Schema
from runtime.engines.web.openapi.schemas import Schemas
from runtime.engines.web.route_path import PARAMETER
from runtime.handlers.arguments.shape import is_list, without_none
from runtime.handlers.arguments.signature import Parameter

BESIDE_BODY = ("path", "query", "header", "cookie")
DECODED = (*BESIDE_BODY, "body", "form")
"""The locations of parameters whose values a client sends."""

_WITH_BODY = ("POST", "PUT", "PATCH")
_JSON, _BYTES = "application/json", "application/octet-stream"
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_FILE: Schema = {"type": "string", "contentMediaType": _BYTES}


def describe_parameters(
    path: str, parameters: Sequence[Parameter], schemas: Schemas
) -> Iterator[Schema]:
    """All parameters but the body. Those of the path come first, typed or not."""
    typed = {each.alias: each for each in parameters if each.location == "path"}
    for name, rest in PARAMETER.findall(path):
        schema: Schema = {"type": "string"}
        if name in typed:
            schema = schemas.of(typed[name].type)
        described: Schema = {"name": name, "in": "path", "required": True}
        if rest:
            described["description"] = "The rest of the path, with its slashes; it may be empty."
            described["x-rest"] = True
        elif schema.get("type") == "string" and "format" not in schema:
            schema.setdefault("minLength", 1)  # an empty segment is another path
        yield _with_schema(described, schema)
    for each in parameters:
        if each.location in BESIDE_BODY and each.location != "path":
            schema = _without_null(schemas.of(each.type))
            described = {"name": each.alias, "in": each.location}
            if each.required:
                described["required"] = True
            elif (default := _encoded(each.default)) is not None:
                schema["default"] = default
            yield _with_schema(described, schema)


def describe_body(
    method: str, parameters: Sequence[Parameter], schemas: Schemas, reads_request: bool
) -> Schema | None:
    """The body of a request, or None. One that `reads_request` itself may read any."""
    for each in parameters:
        if each.location == "body":
            if each.type in (bytes, bytearray):
                return _body([_BYTES], {"type": "string", "format": "binary"}, each.required)
            return _body([_JSON], schemas.of(each.type), each.required)
    forms = [each for each in parameters if each.location == "form"]
    if forms:
        kinds = _FORMS[1:] if any(each.is_file for each in forms) else _FORMS
        return _body(kinds, _form(forms, schemas), any(each.required for each in forms))
    if reads_request and method in _WITH_BODY:
        return {"content": {_JSON: {"schema": {}}}}
    return None


def _form(parameters: Sequence[Parameter], schemas: Schemas) -> Schema:
    """The fields of a form: a record of them all, or one parameter each."""
    for each in parameters:
        if each.is_whole:
            return schemas.of(each.type)
    properties = {each.alias: _field(each, schemas) for each in parameters}
    required = [each.alias for each in parameters if each.required]
    return {"type": "object", "properties": properties, "required": required}


def _field(parameter: Parameter, schemas: Schemas) -> Schema:
    if not parameter.is_file:
        return _without_null(schemas.of(parameter.type))
    wanted = without_none(parameter.type)
    return {"type": "array", "items": _FILE} if is_list(wanted) else _FILE


def _body(kinds: Sequence[str], schema: Schema, required: bool) -> Schema:
    body: Schema = {"content": {kind: {"schema": schema} for kind in kinds}}
    return {"required": True, **body} if required else body


def _with_schema(described: Schema, schema: Schema) -> Schema:
    """The description of a parameter belongs to it, more than to its type."""
    if "description" in schema and "$ref" not in schema:
        described.setdefault("description", schema.pop("description"))
    return {**described, "schema": schema}


def _without_null(schema: Schema) -> Schema:
    """The schema of a value that is absent in place of null: nothing in a URL is a null."""
    options = schema.get("anyOf")
    if not options or {"type": "null"} not in options:
        return schema
    others = [each for each in options if each != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**rest, **others[0]} if len(others) == 1 else {**rest, "anyOf": others}


def _encoded(default: Any) -> Any:
    """A default as JSON; None for one that has no such form."""
    try:
        return msgspec.to_builtins(default, str_keys=True)
    except Exception:  # of any type
        return None
