"""Page: the reference of a kind in Markdown, generated from its schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from runtime.schema.family import OF
from runtime.schema.field import Field
from runtime.schema.schema import Schema

_NOT_LISTED = ("name", "kind", "meta", "lifecycle")
"""Fields of every kind, which are explained once for all."""


def page(name: str, schema: Schema) -> str:
    """Render the page of one kind."""
    document = schema.document
    lines = [f"## {name}", "", document.get("description", ""), ""]
    rows = list(_rows(schema.field, ""))
    if rows:
        lines += ["| Field | Type | Default | What it is |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for row in rows]
        lines.append("")
    lines += _of_family(schema.field)
    if "lifecycle" in schema.field.properties:
        starts = schema.field.explain({})["lifecycle"]["auto_start"]
        default = ", whose `auto_start` is `true` by default" if starts else ""
        lines += [f"It has a `lifecycle` block{default}.", ""]
    for example in document.get("examples", ()):
        lines += ["```yaml", _yaml([example]).rstrip(), "```", ""]
    return "\n".join(lines)


def summary(schema: Schema) -> str:
    """The first sentence of a kind's description."""
    description: str = schema.document.get("description", "")
    sentence, stop, _ = description.partition(". ")
    return sentence + "." if stop else description


def lifecycle_page(shared: Mapping[str, Any]) -> str:
    """Render the page of the `lifecycle` block from the shared definitions."""
    field = Field(shared["$defs"]["lifecycle"], shared["$defs"])
    lines = ["## lifecycle", "", field.description, ""]
    lines += ["| Field | Type | Default | What it is |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in _rows(field, "")]
    return "\n".join([*lines, ""])


def _of_family(field: Field) -> Iterator[str]:
    """The fields that only other kinds of the family read."""
    fields: dict[str, list[str]] = {}
    for name, inner in field.properties.items():
        if OF in inner.schema:
            fields.setdefault(inner.schema[OF], []).append(f"`{name}`")
    for kind, names in fields.items():
        yield f"The fields {', '.join(names)} of `{kind}` are accepted too, and have no effect."
        yield ""


OLDER = re.compile(r"An older name of `([^`]+)`\.")
"""Description of an older name, which is mentioned with the newer one."""


def _rows(field: Field, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    older: dict[str, list[str]] = {}
    for name, inner in field.properties.items():
        if match := OLDER.fullmatch(inner.description):
            older.setdefault(match[1], []).append(f"`{name}`")
    for name, inner in field.properties.items():
        if OLDER.fullmatch(inner.description) or OF in inner.schema:
            continue
        if not prefix and name in _NOT_LISTED and not (name == "meta" and inner.properties):
            continue
        default = default_text(inner) if name not in field.required else "required"
        if name != "meta":
            also = f" Also written {', '.join(older[name])}." if name in older else ""
            yield f"`{prefix}{name}`", type_text(inner), default, _cell(inner.description + also)
        yield from _rows(inner, f"{prefix}{name}.")


def type_text(field: Field) -> str:
    """The type of a field in Markdown."""
    if field.kinds:
        kinds = f"id of {', '.join(f'`{kind}`' for kind in field.kinds)}".replace(
            "`*`", "any entry"
        )
        if field.has_names:
            return f"{kinds}, or {_choices(field.schema['anyOf'][0]['enum'])}"
        return f"function, or {kinds}" if field.inline else kinds
    if special := field.schema.get("x-type"):
        return str(special)
    if choices := field.schema.get("enum"):
        return _choices(choices)
    if field.items is not None:
        inner = type_text(field.items)
        return f"list of {inner}" if inner else "list"
    names = {"object": "mapping", "string": "text", "array": "list"}
    return " or ".join(sorted(names.get(name, name) for name in field.types))


def _choices(choices: Sequence[Any]) -> str:
    words = dict.fromkeys(_yaml(choice, flow=True).strip("'") for choice in choices)
    return _cell(" | ".join(f"`{word}`" for word in words))


def default_text(field: Field) -> str:
    """The default of a field in Markdown; empty if there is none."""
    if field.may_be_implied:
        return "the only one"
    if not field.has_default:
        return ""
    value = field.schema["default"]
    return f"`{_yaml(value, flow=True)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _yaml(value: Any, flow: bool = False) -> str:
    if flow:
        text = yaml.safe_dump(value, default_flow_style=True, width=1000)
        return text.removesuffix("\n").removesuffix("\n...").strip()
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=1000)
