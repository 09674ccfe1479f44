"""Interpolation: `${env:NAME}` and `${env:NAME|default}` in the strings of an entry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runtime.findings.finding import Path

_PLACEHOLDER = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")
_ENV = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)(?:\|(.*))?", re.DOTALL)


class Unresolved(Exception):
    """A placeholder that cannot be filled: `message`, and the mend in `hint`."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def interpolate(
    fields: dict[str, Any],
    environment: Mapping[str, str],
    fault: Callable[[Path, Unresolved], None],
) -> dict[Path, str]:
    """Fill the placeholders of `fields` in place.

    Returns what was typed at each path that changed, so that nobody needs to be shown what it
    became. Faults are told to `fault`, and the value stays as typed.
    """
    written: dict[Path, str] = {}
    for owner, key, path in list(_strings(fields, ())):
        text = owner[key]
        try:
            owner[key] = fill(text, environment)
        except Unresolved as unresolved:
            fault(path, unresolved)
        written[path] = text
    return written


def is_whole(text: str) -> bool:
    """Whether a text is one placeholder and nothing else: its value then takes the field's type."""
    match = _PLACEHOLDER.match(text)
    return match is not None and match.end() == len(text) and text[1] != "$"


def fill(text: str, environment: Mapping[str, str]) -> str:
    """The text with its placeholders filled. Raises Unresolved."""
    return _PLACEHOLDER.sub(lambda match: _value(match, environment), text)


def _value(match: re.Match[str], environment: Mapping[str, str]) -> str:
    if match[0] == "$${":
        return "${"
    inner = match[1]
    parts = _ENV.fullmatch(inner) if inner is not None else None
    if parts is None:
        raise Unresolved(
            f"'{match[0]}' is not a placeholder",
            "write ${env:NAME} or ${env:NAME|default}, or $${ for a literal ${",
        )
    name, default = parts[1], parts[2]
    value = environment.get(name, default)
    if value is not None and not _is_text(value):
        raise Unresolved(f"the environment variable '{name}' is not UTF-8 text", "set it anew")
    if value is None:
        raise Unresolved(
            f"the environment variable '{name}' is not set",
            f"set it, or give a default: ${{env:{name}|…}}",
        )
    return value


def _is_text(value: str) -> bool:
    """Whether it could be decoded: bytes that are no UTF-8 come as lone surrogates."""
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)


def _strings(value: Any, path: Path) -> Iterator[tuple[Any, Any, Path]]:
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
