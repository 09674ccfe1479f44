"""Change: an UPDATE or a DELETE that is being built."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
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
from runtime.engines.sql.builder.identifier import name, select_term, table


class Update:
    """Immutable: each call returns a new one. Without `where` it changes every row."""

    __slots__ = ("_clauses",)

    def __init__(self, clauses: Clauses) -> None:
        self._clauses = clauses

    def set(self, values: Mapping[str, Any]) -> Update:
        """New values of columns: a value each, or `expr("attempts + 1")`."""
        return Update(self._clauses.add("set", *assignments(values)))

    def where(self, condition: Condition, *values: Any) -> Update:
        """Restrict it to rows that also meet the condition; see `Select.where` for its forms.

        Raises ValueError for an empty dict, which would mean every row.
        """
        return Update(_add_condition(self._clauses, condition, values))

    def returning(self, *columns: str | Expression) -> Update:
        """Have `query` return these columns of each changed row."""
        return Update(self._clauses.add("returning", *terms(columns, select_term, "a column")))

    def run_with(self, target: Target[Rows, First, Done]) -> BoundStatement[Rows, First, Done]:
        """Choose the database or transaction on which it will run."""
        return BoundStatement(self, target)

    def render(self, dialect: Dialect = SQLITE) -> Rendered:
        """The text in a dialect, and its values."""
        if not self._clauses.has("set"):
            raise ValueError("an update sets nothing; call set({…})")
        return self._clauses.render(dialect.change, dialect)


class Delete:
    """Immutable: each call returns a new one. Without `where` it deletes every row."""

    __slots__ = ("_clauses",)

    def __init__(self, clauses: Clauses) -> None:
        self._clauses = clauses

    def where(self, condition: Condition, *values: Any) -> Delete:
        """Restrict it to rows that also meet the condition; see `Select.where` for its forms.

        Raises ValueError for an empty dict, which would mean every row.
        """
        return Delete(_add_condition(self._clauses, condition, values))

    def returning(self, *columns: str | Expression) -> Delete:
        """Have `query` return these columns of each deleted row."""
        return Delete(self._clauses.add("returning", *terms(columns, select_term, "a column")))

    def run_with(self, target: Target[Rows, First, Done]) -> BoundStatement[Rows, First, Done]:
        """Choose the database or transaction on which it will run."""
        return BoundStatement(self, target)

    def render(self, dialect: Dialect = SQLITE) -> Rendered:
        """The text in a dialect, and its values."""
        return self._clauses.render(dialect.change, dialect)


@lru_cache(maxsize=512)
def update(target: str) -> Update:
    """Begin an UPDATE of a table."""
    return Update(Clauses().add("verb", "UPDATE").add("table", table(target)))


@lru_cache(maxsize=512)
def delete(target: str) -> Delete:
    """Begin a DELETE from a table."""
    return Delete(Clauses().add("verb", "DELETE FROM").add("table", table(target)))


def assignments(values: Mapping[str, Any]) -> Rendered:
    """The text `column = ?` for each column, and the values."""
    if not values:
        raise ValueError("an empty dict sets nothing")
    texts: list[str] = []
    bound: tuple[Any, ...] = ()
    for key, value in values.items():
        if isinstance(value, Expression):
            texts.append(f"{name(key)} = {value.text}")
            bound += value.values
        else:
            texts.append(f"{name(key)} = ?")
            bound += (value,)
    return ", ".join(texts), bound


def _add_condition(clauses: Clauses, condition: Condition, values: tuple[Any, ...]) -> Clauses:
    if not condition and isinstance(condition, Mapping):
        raise ValueError("an empty condition; leave where() out to mean every row")
    return clauses.add("where", *render_condition(condition, *values))
