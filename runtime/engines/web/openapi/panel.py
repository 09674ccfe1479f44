"""Panel: one operation on the page, what it takes and answers, and the form to try it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from runtime.engines.web.openapi.example import example
from runtime.engines.web.openapi.form import request_form
from runtime.engines.web.openapi.markup import anchor, escape, icon, line, pretty, prose
from runtime.engines.web.openapi.outline import property_table, row, type_text

_PROBLEM = "application/problem+json"
_BRACED = re.compile(r"(\{[^}]*\})")


def method_label(method: str) -> str:
    """The method as a coloured word."""
    return f'<span class="method m-{escape(method.lower())}">{escape(method)}</span>'


def operation_panel(
    method: str, path: str, operation: Mapping[str, Any], document: Mapping[str, Any], words: str
) -> str:
    """The panel of an operation; `words` are those by which it is found."""
    id = operation["operationId"]
    marked = _BRACED.sub(r"<b>\1</b>", escape(path))
    source = operation.get("x-source")
    place = f'<code class="hint">{escape(source)}</code>' if source else ""
    locked = f'<span class="chip">{icon("lock")}{escape(_demanded(operation))}</span>'
    return (
        f'<article class="panel op" id="{escape(anchor("op", id))}" data-find="{escape(words)}">'
        f'<header>{method_label(method)}<h3 class="mono">{marked}</h3>'
        f'<span class="side">{locked if operation.get("security") else ""}{place}</span></header>'
        f'<div class="body"><div class="read">{"".join(_reading(operation, document))}</div>'
        f'<div class="act">{_sample(operation, document)}'
        f"{request_form(method, path, operation, document)}</div></div></article>"
    )


def _demanded(operation: Mapping[str, Any]) -> str:
    return ", ".join(name for each in operation.get("security", ()) for name in each)


def _reading(operation: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    components = document["components"]["schemas"]
    yield f'<p class="say">{line(operation.get("summary") or operation["operationId"])}</p>'
    yield prose(operation.get("description", ""))
    by_place: dict[str, list[Mapping[str, Any]]] = {}
    for parameter in operation.get("parameters", ()):
        by_place.setdefault(parameter["in"], []).append(parameter)
    for place, parameters in by_place.items():
        yield f'<h4>{escape(place.capitalize())}</h4><dl class="rows">'
        for each in parameters:
            note = each.get("description", "")
            must = each.get("required", False) and not each.get("x-rest")
            yield row(each["name"], each["schema"], is_required=must, note=note)
        yield "</dl>"
    if body := operation.get("requestBody"):
        kinds = body["content"]
        must = '<span class="must">required</span>' if body.get("required") else ""
        schema = next(iter(kinds.values()))["schema"]
        yield f'<h4>Body <span class="sub">{escape(" or ".join(kinds))}</span>{must}</h4>'
        yield property_table(schema, components)
    yield '<h4>Responses</h4><dl class="rows answers">'
    for status, response in operation["responses"].items():
        yield _response(status, response, document)
    yield "</dl>"


def _response(status: str, response: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    content = "".join(
        f'<span class="type">{type_text(each["schema"])}</span>'
        + (f'<span class="bound">{escape(kind)}</span>' if kind != _PROBLEM else "")
        for kind, each in response.get("content", {}).items()
    )
    tone = {"2": "ok", "3": "accent", "4": "warn", "5": "bad"}.get(status[0], "")
    name = "else" if status == "default" else status
    return (
        f'<div><dt><span class="chip {tone}">{escape(name)}</span></dt>'
        f"<dd>{line(response['description'])} {content}</dd></div>"
    )


def _sample(operation: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """An example of the body, for readers without the form."""
    components = document["components"]["schemas"]
    for name, schema in _schemas(operation):
        if schema:
            text = escape(pretty(example(schema, components)))
            code = f'<pre class="code" tabindex="0" aria-label="{name}">{text}</pre>'
            return f'<div class="plain"><h4>{name}</h4>{code}</div>'
    return ""


def _schemas(operation: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    body = operation.get("requestBody", {}).get("content", {})
    for each in body.values():
        yield "Example of a body", each["schema"]
    for response in operation["responses"].values():
        for each in response.get("content", {}).values():
            yield "Example of an answer", each["schema"]
