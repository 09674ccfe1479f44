"""Expression: a piece of SQL with its values, and the conditions that are made of such."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

import msgspec

from runtime.engines.sql.builder.dialect import IN_ITEMS, INNER, SQLITE, TOKEN, Dialect, Items
from runtime.engines.sql.builder.identifier import column

Rendered = tuple[str, tuple[Any, ...]]
"""Text, and a value for each of its `?`."""

TRUE, FALSE = "1 = 1", "1 = 0"
"""As every database reads them."""


@runtime_checkable
class Renderable(Protocol):
    """A statement; a select may stand inside another one."""

    def render(self, dialect: Dialect = SQLITE) -> Rendered: ...


class Expression(msgspec.Struct, frozen=True):
    """Text that stands in a statement as it is, with a value for each of its `?`."""

    text: str
    values: tuple[Any, ...] = ()


Condition = Mapping[str, Any] | Expression | str
"""A dict of columns and values, an expression, or text with `?`."""

_SCALARS = frozenset({str, int, float, bool, bytes})
_VALUES = (str, int, float, bytes, date, time, UUID, Decimal, Enum)
_COLLECTIONS = (list, tuple, set, frozenset)


def expr(text: str, *values: Any) -> Expression:
    """SQL as it is, with a value for each `?`. Never put untrusted input into `text`.

    Raises ValueError for too few or too many values.
    """
    wanted = _placeholders(text)
    if wanted != len(values):
        raise ValueError(f"{len(values)} values for {wanted} placeholders in '{text}'")
    return Expression(text, values)


def eq(name: str, value: Any) -> Expression:
    """Equal. A list means IN, None means IS NULL, a select means IN its rows."""
    return Expression(*_equal(name, value))


def not_eq(name: str, value: Any) -> Expression:
    """Not equal. Rows where the column is NULL do not match, unless compared with None."""
    if value is None:
        return Expression(f"{column(name)} IS NOT NULL")
    text, values = _equal(name, value)
    return Expression(f"NOT ({text})", values)


def lt(name: str, value: Any) -> Expression:
    return _compare(name, "<", value)


def lte(name: str, value: Any) -> Expression:
    return _compare(name, "<=", value)


def gt(name: str, value: Any) -> Expression:
    return _compare(name, ">", value)


def gte(name: str, value: Any) -> Expression:
    return _compare(name, ">=", value)


def like(name: str, pattern: str) -> Expression:
    """LIKE: `%` matches any text, `_` any character."""
    return _compare(name, "LIKE", pattern)


def not_like(name: str, pattern: str) -> Expression:
    return _compare(name, "NOT LIKE", pattern)


def and_(*conditions: Condition | Sequence[Condition]) -> Expression:
    """Conditions joined by AND; true if there are none."""
    return Expression(*_join(" AND ", TRUE, _flatten(conditions)))


def or_(*conditions: Condition | Sequence[Condition]) -> Expression:
    """Conditions joined by OR; false if there are none."""
    return Expression(*_join(" OR ", FALSE, _flatten(conditions)))


def not_(condition: Condition) -> Expression:
    text, values = render_condition(condition)
    return Expression(f"NOT ({text})", values)


def render_condition(condition: Condition, *values: Any) -> Rendered:
    """A condition in any form, as text to stand beside an AND; `values` go with text only."""
    if isinstance(condition, str):
        return f"({expr(condition, *values).text})", values
    if values:
        raise TypeError("values go with a condition that is text; put others into expr(…)")
    if isinstance(condition, Expression):
        return f"({condition.text})", condition.values
    if isinstance(condition, dict) and len(condition) == 1:
        ((name, value),) = condition.items()
        return _equal(name, value)
    if isinstance(condition, Mapping):
        return _join(" AND ", TRUE, [_equal(name, value) for name, value in condition.items()])
    raise TypeError(
        f"a condition is of type {type(condition).__name__}, wanted a dict, an expression or text"
    )


def _equal(name: str, value: Any) -> Rendered:
    quoted = column(name)
    kind = type(value)
    if kind in _SCALARS:
        return f"{quoted} = ?", (value,)
    if value is None:
        return f"{quoted} IS NULL", ()
    if isinstance(value, _COLLECTIONS):
        return _among(quoted, list(value))
    if isinstance(value, Expression):
        return f"{quoted} = ({value.text})", value.values
    if isinstance(value, Renderable):
        text, values = value.render(INNER)
        return f"{quoted} IN ({text})", values
    if isinstance(value, _VALUES):
        return f"{quoted} = ?", (value,)
    raise TypeError(
        f"column '{name}' is compared with a {kind.__name__}, wanted a value SQL knows or a list"
    )


def _compare(name: str, operator: str, value: Any) -> Expression:
    if isinstance(value, Expression):
        return Expression(f"{column(name)} {operator} ({value.text})", value.values)
    if not isinstance(value, _VALUES):
        found = "None" if value is None else f"a {type(value).__name__}"
        raise TypeError(f"column '{name}' is compared by {operator} with {found}, wanted a value")
    return Expression(f"{column(name)} {operator} ?", (value,))


def _among(quoted: str, values: list[Any]) -> Rendered:
    """IN `values`. The text is the same for any number of them, so that SQLite compiles it once."""
    present = [value for value in values if value is not None]
    if not present:
        return (f"{quoted} IS NULL" if values else FALSE), ()
    if all(map(_exact_in_json, present)):
        bound: tuple[Any, ...] = (Items(present),)
        text = f"{quoted} {IN_ITEMS}"
    else:
        bound = tuple(present)
        text = f"{quoted} IN ({', '.join('?' * len(bound))})"
    if len(present) < len(values):
        text = f"({text} OR {quoted} IS NULL)"
    return text, bound


def _exact_in_json(value: Any) -> bool:
    """True if SQLite reads exactly this value out of JSON: not for floats and text with a NUL."""
    kind = type(value)
    if kind is str:
        return "\0" not in value and (value.isascii() or _is_text(value))
    return kind is bool or (kind is int and -(2**63) <= value < 2**63)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False  # bound by itself, it is refused with its place
    return True


def _join(word: str, empty: str, parts: Sequence[Rendered]) -> Rendered:
    if not parts:
        return empty, ()
    values = tuple(value for _, bound in parts for value in bound)
    return word.join(text for text, _ in parts), values


def _flatten(conditions: Iterable[Condition | Sequence[Condition]]) -> list[Rendered]:
    flat: list[Rendered] = []
    for condition in conditions:
        if isinstance(condition, Sequence) and not isinstance(condition, str):
            flat.extend(_flatten(condition))
        else:
            text, values = render_condition(condition)
            flat.append((f"({text})", values))
    return flat


@lru_cache(maxsize=1024)
def _placeholders(text: str) -> int:
    count = 0
    for found in TOKEN.finditer(text):
        if found["named"]:
            raise ValueError(f"placeholder '{found['named']}' in '{text}'; use plain ?")
        count += found["plain"] is not None
    return count
