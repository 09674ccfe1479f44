"""Select: a SELECT that is being built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.engines.sql.builder.bound_statement import (
    BoundStatement,
    Done,
    First,
    Rows,
    Target,
)
from runtime.engines.sql.builder.clauses import Clauses, terms
from runtime.engines.sql.builder.dialect import SQLITE, Dialect
from runtime.engines.sql.builder.expression import Condition, Expression, Rendered, render_condition
from runtime.engines.sql.builder.identifier import (
    column,
    group_term,
    order_term,
    select_term,
    table,
)

_PLAIN = Clauses().add("verb", "SELECT")

On = Mapping[str, str] | Expression | str
"""A join condition: a dict of equal columns, an expression, or text with `?`."""


class Select:
    """Immutable: each call returns a new one, so that one may be the start of many."""

    __slots__ = ("_clauses",)

    def __init__(self, clauses: Clauses) -> None:
        self._clauses = clauses

    def columns(self, *columns: str | Expression) -> Select:
        """Add columns."""
        return self._add("columns", *terms(columns, select_term, "a column"))

    def distinct(self) -> Select:
        return Select(self._clauses.add("verb", "SELECT DISTINCT"))

    def from_(self, source: str) -> Select:
        return Select(self._clauses.add("from", table(source)))

    def join(self, source: str, on: On, *values: Any) -> Select:
        """`join("users u", {"u.id": "t.user_id"})`; `values` go with an `on` that is text."""
        return self._join("JOIN", source, on, values)

    def inner_join(self, source: str, on: On, *values: Any) -> Select:
        return self._join("INNER JOIN", source, on, values)

    def left_join(self, source: str, on: On, *values: Any) -> Select:
        return self._join("LEFT JOIN", source, on, values)

    def where(self, condition: Condition, *values: Any) -> Select:
        """Restrict it to rows that also meet the condition.

        A condition is a dict of columns and values (a list means IN, None means IS NULL), an
        expression, or text with a `?` for each of `values`. An empty dict restricts nothing.
        """
        return self._condition("where", condition, values)

    def group_by(self, *columns: str | Expression) -> Select:
        return self._add("group", *terms(columns, group_term, "a group"))

    def having(self, condition: Condition, *values: Any) -> Select:
        return self._condition("having", condition, values)

    def order_by(self, *columns: str | Expression) -> Select:
        """`order_by("created_at DESC", "id")`; a second call adds less significant terms."""
        return self._add("order", *terms(columns, order_term, "an order"))

    def limit(self, rows: int) -> Select:
        return Select(self._clauses.add("limit", "?", (_count(rows, "limit"),)))

    def offset(self, rows: int) -> Select:
        return Select(self._clauses.add("offset", "?", (_count(rows, "offset"),)))

    def run_with(self, target: Target[Rows, First, Done]) -> BoundStatement[Rows, First, Done]:
        """Choose the database or transaction on which it will run."""
        return BoundStatement(self, target)

    def render(self, dialect: Dialect = SQLITE) -> Rendered:
        """The text in a dialect, and its values."""
        return self._clauses.render(dialect.select, dialect)

    def _add(self, clause: str, text: str, values: tuple[Any, ...]) -> Select:
        return Select(self._clauses.add(clause, text, values)) if text else self

    def _condition(self, clause: str, condition: Condition, values: tuple[Any, ...]) -> Select:
        if not condition and isinstance(condition, Mapping):
            return self
        return Select(self._clauses.add(clause, *render_condition(condition, *values)))

    def _join(self, verb: str, source: str, on: On, values: tuple[Any, ...]) -> Select:
        if isinstance(on, Mapping):
            if not on:
                raise ValueError(f"no columns to join '{source}' on")
            pairs = [f"{column(left)} = {column(right)}" for left, right in on.items()]
            text, bound = " AND ".join(pairs), ()
        else:
            text, bound = render_condition(on, *values)
        return self._add("join", f"{verb} {table(source)} ON {text}", bound)


def select(*columns: str | Expression) -> Select:
    """Begin a SELECT, of all columns if none is given."""
    return Select(_PLAIN).columns(*columns)


def _count(rows: int, what: str) -> int:
    if type(rows) is not int:
        raise TypeError(f"{what} is of type {type(rows).__name__}, wanted int")
    if rows < 0:
        raise ValueError(f"{what} is {rows}, wanted 0 or more")
    return rows
