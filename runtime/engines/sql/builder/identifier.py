"""Identifier: names of tables and columns, let through from a small grammar and quoted.

Quoted with backticks: SQLite takes a name in double quotes that no column has for a text, so that
a misspelt column would be compared as its own name instead of being an error.
"""

from __future__ import annotations

import re
from functools import lru_cache

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_FUNCTIONS = (
    "count|sum|total|avg|min|max|group_concat"
    "|abs|date|datetime|length|lower|round|time|trim|typeof|upper"
)
_COLUMN = rf"(?P<path>(?:{_NAME}\.)?(?:{_NAME}))"
_CALL = (
    rf"(?P<function>{_FUNCTIONS})"
    rf"\(\s*(?:(?P<star>\*)|(?P<distinct>distinct\s+)?(?P<argument>(?:{_NAME}\.)?{_NAME}))\s*\)"
)
_VALUE = rf"(?:{_CALL}|{_COLUMN})"
_ALIAS = rf"(?:\s+(?:as\s+)?(?P<alias>{_NAME}))?"

# Without ASCII, ignoring case lets the long s and the Kelvin sign through as letters.
_FLAGS = re.IGNORECASE | re.ASCII

_COLUMN_TERM = re.compile(_COLUMN)
_SELECT_TERM = re.compile(rf"(?:(?P<all>(?:{_NAME}\.)?\*)|{_VALUE}{_ALIAS})", _FLAGS)
_GROUP_TERM = re.compile(_VALUE, _FLAGS)
_ORDER_TERM = re.compile(
    rf"{_VALUE}(?:\s+(?P<way>asc|desc))?(?:\s+nulls\s+(?P<nulls>first|last))?", _FLAGS
)
_TABLE_TERM = re.compile(rf"{_COLUMN}{_ALIAS}", _FLAGS)


class InvalidIdentifier(ValueError):
    """A name that the builder does not let through, or a term that is more than a name."""


@lru_cache(maxsize=2048)
def column(text: str) -> str:
    """A column, `name` or `table.name`."""
    return _quoted(_match(_COLUMN_TERM, text, "column")["path"])


@lru_cache(maxsize=2048)
def name(text: str) -> str:
    """A name without a table."""
    if "." in text:
        raise InvalidIdentifier(f"column '{text}' names a table, wanted the column alone")
    return column(text)


@lru_cache(maxsize=512)
def table(text: str) -> str:
    """A table, `tasks`, `tasks t` or `tasks AS t`."""
    found = _match(_TABLE_TERM, text, "table")
    return _quoted(found["path"]) + _alias(found["alias"])


@lru_cache(maxsize=1024)
def selected(text: str) -> str:
    """What a SELECT gives: columns, `*`, calls such as `count(*)`, each with `AS alias` or not.

    A call without an alias is named as it is written.
    """
    return ", ".join(map(_selected, text.split(",")))


@lru_cache(maxsize=512)
def grouped(text: str) -> str:
    """What rows are grouped by: columns or calls."""
    return ", ".join(_value(_match(_GROUP_TERM, term, "group")) for term in text.split(","))


@lru_cache(maxsize=512)
def ordered(text: str) -> str:
    """What rows are sorted by: columns or calls, with ASC, DESC, NULLS FIRST and NULLS LAST."""
    return ", ".join(map(_ordered, text.split(",")))


def _selected(term: str) -> str:
    found = _match(_SELECT_TERM, term, "column")
    if found["all"]:
        owner, dot, _ = found["all"].rpartition(".")
        return f"{_quoted(owner)}.*" if dot else "*"
    alias = found["alias"] or (term.strip() if found["function"] else None)
    return _value(found) + _alias(alias)


def _ordered(term: str) -> str:
    found = _match(_ORDER_TERM, term, "order")
    way = f" {found['way'].upper()}" if found["way"] else ""
    nulls = f" NULLS {found['nulls'].upper()}" if found["nulls"] else ""
    return _value(found) + way + nulls


def _value(found: re.Match[str]) -> str:
    if not found["function"]:
        return _quoted(found["path"])
    inner = "*" if found["star"] else _quoted(found["argument"])
    return f"{found['function'].lower()}({'DISTINCT ' if found['distinct'] else ''}{inner})"


def _alias(alias: str | None) -> str:
    return f" AS `{alias}`" if alias else ""


def _quoted(path: str) -> str:
    return ".".join(f"`{part}`" for part in path.split("."))


def _match(pattern: re.Pattern[str], text: str, what: str) -> re.Match[str]:
    found = pattern.fullmatch(text.strip(" "))
    if found is None:
        raise InvalidIdentifier(
            f"{what} {text!r} is not a plain name; write anything else as expr({text!r})"
        )
    return found
