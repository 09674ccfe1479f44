"""Insert: an INSERT that is being built."""

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
from runtime.engines.sql.builder.change import assignments
from runtime.engines.sql.builder.clauses import Clauses, terms
from runtime.engines.sql.builder.dialect import SQLITE, Dialect
from runtime.engines.sql.builder.expression import Expression, Rendered
from runtime.engines.sql.builder.identifier import name, select_term, table


class Insert:
    """Immutable: each call returns a new one, so that one may be the start of many."""

    __slots__ = ("_clauses", "_columns")

    def __init__(self, clauses: Clauses, columns: tuple[str, ...] = ()) -> None:
        self._clauses = clauses
        self._columns = columns

    def columns(self, *columns: str) -> Insert:
        """Name the columns that `values` fills, in its order."""
        return Insert(self._clauses.add("columns", _column_list(columns)), columns)

    def values(self, *values: Any) -> Insert:
        """Add a row."""
        wanted = len(self._columns)
        if not values or (wanted and len(values) != wanted):
            raise ValueError(f"{len(values)} values for {wanted or 'no'} columns")
        if Expression in map(type, values):
            texts = [value.text if isinstance(value, Expression) else "?" for value in values]
            bound = tuple(
                inner
                for value in values
                for inner in (value.values if isinstance(value, Expression) else (value,))
            )
            return self._add("values", f"({', '.join(texts)})", bound)
        return self._add("values", _row(len(values)), values)

    def set(self, values: Mapping[str, Any]) -> Insert:
        """Add a row by column names, instead of `columns` and `values`."""
        columns = tuple(values)
        if self._columns and columns != self._columns:
            raise ValueError(f"a row of {columns} after rows of {self._columns}")
        return self.columns(*columns).values(*values.values())

    def or_ignore(self) -> Insert:
        """Skip a row that violates any constraint."""
        return self._add("or", "IGNORE", ())

    def or_replace(self) -> Insert:
        """Delete existing rows that conflict with a new one."""
        return self._add("or", "REPLACE", ())

    def on_conflict_do_nothing(self, *columns: str) -> Insert:
        """Skip a row that exists already, by the unique key of `columns` or by any."""
        target = f" {_column_list(columns)}" if columns else ""
        return self._add("conflict", f"ON CONFLICT{target} DO NOTHING", ())

    def on_conflict_do_update(self, *columns: str, set: Mapping[str, Any]) -> Insert:
        """Update the row that exists already, by the unique key of `columns`.

        `excluded` is the row that was not inserted: `set={"n": expr("n + excluded.n")}`.
        """
        if not columns:
            raise ValueError("no columns for ON CONFLICT; name those of a unique key")
        text, values = assignments(set)
        target = _column_list(columns)
        return self._add("conflict", f"ON CONFLICT {target} DO UPDATE SET {text}", values)

    def returning(self, *columns: str | Expression) -> Insert:
        """Have `query` return these columns of each new row."""
        return self._add("returning", *terms(columns, select_term, "a column"))

    def run_with(self, target: Target[Rows, First, Done]) -> BoundStatement[Rows, First, Done]:
        """Choose the database or transaction on which it will run."""
        return BoundStatement(self, target)

    def render(self, dialect: Dialect = SQLITE) -> Rendered:
        """The text in a dialect, and its values."""
        clauses = self._clauses
        if not clauses.has("values"):
            if self._columns:
                raise ValueError("an insert has columns and no values")
            clauses = clauses.add("default", "DEFAULT VALUES")
        return clauses.render(dialect.insert, dialect)

    def _add(self, clause: str, text: str, values: tuple[Any, ...]) -> Insert:
        return Insert(self._clauses.add(clause, text, values), self._columns)


@lru_cache(maxsize=512)
def insert(into: str) -> Insert:
    """Begin an INSERT into a table."""
    return Insert(Clauses().add("verb", "INSERT").add("into", table(into)))


@lru_cache(maxsize=1024)
def _column_list(columns: tuple[str, ...]) -> str:
    if not columns:
        raise ValueError("no columns")
    return f"({', '.join(map(name, columns))})"


@lru_cache(maxsize=128)
def _row(width: int) -> str:
    return f"({', '.join('?' * width)})"
