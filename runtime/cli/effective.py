"""Effective manifest: every field as it will run, and where its value came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import yaml

from runtime.findings.finding import Path
from runtime.linking.link import Link

_WIDEST = 60
"""Most characters before the origins, which stand below each other."""


class EffectiveField(msgspec.Struct, frozen=True):
    """One field: its path, its value unless it holds others, and where that came from."""

    path: Path
    value: Any
    origin: str
    """`file:line:column`, `-o …`, `default`, or `the only http.router`; empty for a mapping."""

    @property
    def name(self) -> str:
        """The path as `-o` takes it."""
        return ".".join(f'"{step}"' if "." in str(step) else str(step) for step in self.path)


def effective_fields(link: Link, fields: Mapping[str, Any]) -> Iterator[EffectiveField]:
    """The fields of an entry, each mapping before what it holds; `fields` is as it may be shown."""
    return _fields(link, fields, ())


def print_effective(entries: Mapping[str, list[EffectiveField]]) -> None:
    """Print entries in the form of an overlay, with the origin of each value in a comment."""
    for id, fields in entries.items():
        texts = [_text(field) for field in fields]
        width = max((len(text) for text in texts if len(text) <= _WIDEST), default=0)
        print(f"{id}:")
        for text, field in zip(texts, fields, strict=True):
            print(f"{text:{width}}  # {field.origin}" if field.origin else text)
        print()


def _fields(link: Link, fields: Mapping[str, Any], path: Path) -> Iterator[EffectiveField]:
    for name, value in fields.items():
        here = (*path, name)
        if isinstance(value, dict) and value:
            yield EffectiveField(here, None, "")
            yield from _fields(link, value, here)
        else:
            yield EffectiveField(here, value, _origin(link, here))


def _origin(link: Link, path: Path) -> str:
    entry = link.entry
    if path in entry.implied:
        target = link.schema.field.at(path)
        return f"the only {target.kinds[0]}" if target else ""
    if entry.origin_of(path) or entry.document.has(entry.path + path):
        return str(entry.at(*path))
    return "default"


def _text(field: EffectiveField) -> str:
    left = f"{'  ' * len(field.path)}{_yaml(field.path[-1])}:"
    return f"{left} {_yaml(field.value)}" if field.origin else left


def _yaml(value: Any) -> str:
    """A value on one line."""
    style = '"' if isinstance(value, str) and not value.isprintable() else None
    text: str = yaml.safe_dump(
        value, default_flow_style=True, default_style=style, width=1e9, allow_unicode=True
    )
    return text.removesuffix("\n").removesuffix("\n...")
