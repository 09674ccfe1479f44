"""Form: what a reader fills in to send a request from the page; the script sends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runtime.engines.web.openapi.example import example
from runtime.engines.web.openapi.generator import Schema
from runtime.engines.web.openapi.markup import anchor, escape, icon, pretty
from runtime.engines.web.openapi.schemas import referenced

_FORM = "application/x-www-form-urlencoded"


def request_form(
    method: str, path: str, operation: Mapping[str, Any], document: Mapping[str, Any]
) -> str:
    """The form of one operation, hidden until a script can send it."""
    id = anchor("try", operation["operationId"])
    fields = "".join(_fields(operation, document, id))
    return (
        f'<form class="try" data-method="{escape(method)}" data-path="{escape(path)}">'
        f"<h4>Try it</h4>{fields}{_extras(id)}"
        f'<div class="send"><button class="btn main" type="submit">{icon("send")}Send</button>'
        f'<button class="btn quiet" type="button" data-do="curl">{icon("copy")}curl</button></div>'
        '<output class="answer" hidden></output></form>'
    )


def _fields(operation: Mapping[str, Any], document: Mapping[str, Any], id: str) -> Iterator[str]:
    components = document["components"]["schemas"]
    for parameter in operation.get("parameters", ()):
        if parameter["in"] != "cookie":  # the browser sends its own
            yield _parameter(parameter, components, id)
    for scheme in _keys(operation, document):
        yield _input(scheme["in"], scheme["name"], {"type": "string"}, components, id)
    body = operation.get("requestBody")
    if not body:
        return
    kind = next(iter(body["content"]))
    schema = body["content"][kind]["schema"]
    if kind == _FORM:
        whole = referenced(schema, components)
        required = whole.get("required", ())
        for name, inner in whole.get("properties", {}).items():
            yield _input("form", name, inner, components, id, required=name in required)
        return
    text = escape(pretty(example(schema, components)))
    rows = min(max(text.count("\n") + 1, 3), 16)
    yield (
        f'<label for="{id}-body">Body <small>{escape(kind)}</small></label>'
        f'<textarea class="field mono" id="{id}-body" rows="{rows}" spellcheck="false" '
        f'data-in="body" data-type="{escape(kind)}">{text}</textarea>'
    )


def _parameter(parameter: Mapping[str, Any], components: Mapping[str, Schema], id: str) -> str:
    is_rest = parameter.get("x-rest", False)
    return _input(
        parameter["in"],
        parameter["name"],
        parameter["schema"],
        components,
        id,
        required=parameter.get("required", False) and not is_rest,
        more=" data-rest" if is_rest else "",
    )


def _input(
    place: str,
    name: str,
    schema: Mapping[str, Any],
    components: Mapping[str, Schema],
    id: str,
    *,
    required: bool = False,
    more: str = "",
) -> str:
    whole = referenced(schema, components)
    field = escape(anchor(id, place, name))
    must = " required" if required else ""
    source = f'data-in="{escape(place)}" data-name="{escape(name)}"{more}'
    common = f'class="field mono" id="{field}" {source}'
    label = f'<label for="{field}">{escape(name)} <small>{escape(place)}{must}</small></label>'
    choices = [True, False] if whole.get("type") == "boolean" else whole.get("enum")
    if choices:
        options = "".join(f"<option>{escape(_text(each))}</option>" for each in choices)
        empty = "" if required else '<option value=""></option>'
        return f"{label}<select {common}>{empty}{options}</select>"
    if whole.get("type") == "array":
        hint = "one a line"
        return f'{label}<textarea {common} rows="2" data-many placeholder="{hint}"></textarea>'
    sample = escape(_text(example(whole, components)))
    value = f' value="{sample}"' if required and place == "path" else f' placeholder="{sample}"'
    return f'{label}<input {common}{value} autocomplete="off" spellcheck="false"{must}>'


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None or value == {} else pretty(value)


def _keys(operation: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The keys that its guards want in a header or the query."""
    schemes = document["components"].get("securitySchemes", {})
    for demanded in operation.get("security", ()):
        for name in demanded:
            scheme = schemes[name]
            if scheme.get("type") == "apiKey" and scheme.get("in") in ("header", "query"):
                yield scheme


def _extras(id: str) -> str:
    """Query and headers that the document does not name."""
    return (
        f'<details class="extra"><summary>{icon("more")}Query and headers</summary>'
        f'<label for="{id}-query">Query <small>a=1&amp;b=2</small></label>'
        f'<input class="field mono" id="{id}-query" data-in="raw-query" autocomplete="off" '
        'spellcheck="false">'
        f'<label for="{id}-headers">Headers <small>Name: value, one a line</small></label>'
        f'<textarea class="field mono" id="{id}-headers" rows="2" data-in="raw-headers" '
        'spellcheck="false"></textarea></details>'
    )
