"""Identifier: names of tables and columns, checked against a small grammar and quoted.

Quoted with backticks: SQLite takes a name in double quotes that no column has for a string, so
that a misspelt column would be compared as its own name instead of being an error.
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

# Compiled when they are first used: together they take 2 ms, and the terms are cached.
_SELECT_TERM = rf"(?:(?P<all>(?:{_NAME}\.)?\*)|{_VALUE}{_ALIAS})"
_ORDER_TERM = rf"{_VALUE}(?:\s+(?P<direction>asc|desc))?(?:\s+nulls\s+(?P<nulls>first|last))?"
_TABLE_TERM = rf"{_COLUMN}{_ALIAS}"


class InvalidIdentifier(ValueError):
    """A name outside of the builder's grammar, or a term that is more than a name."""


@lru_cache(maxsize=2048)
def column(text: str) -> str:
    """A column, `name` or `table.name`."""
    return _quote(_match(_COLUMN, text, "column")["path"])


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
    return _quote(found["path"]) + _alias(found["alias"])


@lru_cache(maxsize=1024)
def select_term(text: str) -> str:
    """A term of a SELECT: a column, `*` or a call such as `count(*)`, with `AS alias` or not.

    Several terms may stand in one text, with commas. A call without an alias is named as it is
    written.
    """
    return ", ".join(map(_one_select_term, text.split(",")))


@lru_cache(maxsize=512)
def group_term(text: str) -> str:
    """A term of GROUP BY: columns or calls, with commas."""
    return ", ".join(_value(_match(_VALUE, term, "group")) for term in text.split(","))


@lru_cache(maxsize=512)
def order_term(text: str) -> str:
    """A term of ORDER BY: columns or calls, with ASC, DESC, NULLS FIRST and NULLS LAST."""
    return ", ".join(map(_one_order_term, text.split(",")))


def _one_select_term(term: str) -> str:
    found = _match(_SELECT_TERM, term, "column")
    if found["all"]:
        owner, dot, _ = found["all"].rpartition(".")
        return f"{_quote(owner)}.*" if dot else "*"
    alias = found["alias"] or (term.strip() if found["function"] else None)
    return _value(found) + _alias(alias)


def _one_order_term(term: str) -> str:
    found = _match(_ORDER_TERM, term, "order")
    direction = f" {found['direction'].upper()}" if found["direction"] else ""
    nulls = f" NULLS {found['nulls'].upper()}" if found["nulls"] else ""
    return _value(found) + direction + nulls


def _value(found: re.Match[str]) -> str:
    if not found["function"]:
        return _quote(found["path"])
    inner = "*" if found["star"] else _quote(found["argument"])
    return f"{found['function'].lower()}({'DISTINCT ' if found['distinct'] else ''}{inner})"


def _alias(alias: str | None) -> str:
    return f" AS `{alias}`" if alias else ""


def _quote(path: str) -> str:
    return ".".join(f"`{part}`" for part in path.split("."))


def _match(pattern: str, text: str, what: str) -> re.Match[str]:
    found = re.fullmatch(pattern, text.strip(" "), _FLAGS)
    if found is None:
        raise InvalidIdentifier(
            f"{what} {text!r} is not a plain name; write anything else as expr({text!r})"
        )
    return found
