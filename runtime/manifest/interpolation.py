"""Interpolation: `${env:NAME}` and `${env:NAME|default}` in the strings of an entry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from runtime.findings.finding import Path

PLACEHOLDER = r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)(?:\|([^}]*))?\}"
"""Regular expression of a placeholder, in the syntax that Python and JSON Schema share."""

_TOKEN = re.compile(rf"\$\$\{{|{PLACEHOLDER}|\$\{{(?:[^}}]*\}})?")


class Unresolved(Exception):
    """A placeholder cannot be resolved: the text is the message, `hint` the remedy."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Interpolation(NamedTuple):
    """The result of interpolating one entry."""

    placeholders: dict[Path, str]
    """Original text of every string that contained `${`, by its path."""
    secrets: frozenset[str]
    """Values taken from environment variables; defaults written in the manifest are not secret."""


def interpolate(
    fields: dict[str, Any],
    environment: Mapping[str, str],
    report: Callable[[Path, Unresolved], None],
) -> Interpolation:
    """Replace the placeholders of `fields` in place.

    A string that cannot be resolved is passed to `report` and stays as it is.
    """
    placeholders: dict[Path, str] = {}
    secrets: set[str] = set()
    for owner, key, path in list(_strings(fields, ())):
        text = owner[key]
        try:
            owner[key] = resolve(text, environment, secrets)
        except Unresolved as unresolved:
            report(path, unresolved)
        placeholders[path] = text
    return Interpolation(placeholders, frozenset(secrets))


def is_placeholder(text: str) -> bool:
    """True if the text is exactly one placeholder, whose value then takes the field's type."""
    return re.fullmatch(PLACEHOLDER, text) is not None


def resolve(text: str, environment: Mapping[str, str], secrets: set[str]) -> str:
    """Replace the placeholders of a text, and add to `secrets` what came from a variable.

    Raises Unresolved for an unset variable without a default and for malformed placeholders.
    """

    def value(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        name, default = match.groups()
        if name is None:
            raise Unresolved(
                f"'{match[0]}' is not a placeholder",
                "write ${env:NAME} or ${env:NAME|default}, or $${ for a literal ${",
            )
        found = environment.get(name, default)
        if found is None:
            raise Unresolved(
                f"the environment variable '{name}' is not set",
                f"set it, or give a default: ${{env:{name}|…}}",
            )
        if not _is_text(found):
            raise Unresolved(
                f"the environment variable '{name}' is not UTF-8 text", "set it to UTF-8 text"
            )
        if found != default:
            secrets.add(found)
        return found

    return _TOKEN.sub(value, text)


def _is_text(value: str) -> bool:
    """False for bytes that are not UTF-8, which `os.environ` decodes to lone surrogates."""
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)


def _strings(value: Any, path: Path) -> Iterator[tuple[Any, Any, Path]]:
    """Every string with a `${`, as its container, its key there, and its path."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        if isinstance(item, str):
            if "${" in item:
                yield value, key, (*path, key)
        else:
            yield from _strings(item, (*path, key))
