"""Change: an update or a deletion that is being built."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from runtime.engines.sql.builder.bound import Bound, Done, First, Rows, Target
from runtime.engines.sql.builder.clauses import Clauses, Layout, Section, terms
from runtime.engines.sql.builder.expression import Condition, Expression, Rendered, rendered
from runtime.engines.sql.builder.identifier import name, selected, table

LAYOUT = Layout(
    Section("verb", ""),
    Section("table", " "),
    Section("set", " SET ", ", "),
    Section("where", " WHERE ", " AND "),
    Section("returning", " RETURNING ", ", "),
)


class Update:
    """Immutable: each call gives a new one. Without `where` it changes every row."""

    __slots__ = ("_clauses",)

    def __init__(self, clauses: Clauses) -> None:
        self._clauses = clauses

    def set(self, values: Mapping[str, Any]) -> Update:
        """What columns become: a value, or `expr("attempts + 1")`."""
        return Update(self._clauses.add("set", *assignments(values)))

    def where(self, condition: Condition, *values: Any) -> Update:
        """Only rows that meet the condition too. An empty dict is refused: it would mean all."""
        return Update(_restricted(self._clauses, condition, values))

    def returning(self, *columns: str | Expression) -> Update:
        """Give these columns of each changed row to `query`."""
        return Update(self._clauses.add("returning", *terms(columns, selected, "a column")))

    def run_with(self, target: Target[Rows, First, Done]) -> Bound[Rows, First, Done]:
        return Bound(self, target)

    def render(self) -> Rendered:
        """The text and its values."""
        if not self._clauses.has("set"):
            raise ValueError("an update sets nothing; call set({…})")
        return self._clauses.render(LAYOUT)


class Delete:
    """Immutable: each call gives a new one. Without `where` it deletes every row."""

    __slots__ = ("_clauses",)

    def __init__(self, clauses: Clauses) -> None:
        self._clauses = clauses

    def where(self, condition: Condition, *values: Any) -> Delete:
        """Only rows that meet the condition too. An empty dict is refused: it would mean all."""
        return Delete(_restricted(self._clauses, condition, values))

    def returning(self, *columns: str | Expression) -> Delete:
        """Give these columns of each deleted row to `query`."""
        return Delete(self._clauses.add("returning", *terms(columns, selected, "a column")))

    def run_with(self, target: Target[Rows, First, Done]) -> Bound[Rows, First, Done]:
        return Bound(self, target)

    def render(self) -> Rendered:
        """The text and its values."""
        return self._clauses.render(LAYOUT)


@lru_cache(maxsize=512)
def update(what: str) -> Update:
    """Begin to change rows of a table."""
    return Update(Clauses().add("verb", "UPDATE").add("table", table(what)))


@lru_cache(maxsize=512)
def delete(what: str) -> Delete:
    """Begin to delete rows of a table."""
    return Delete(Clauses().add("verb", "DELETE FROM").add("table", table(what)))


def assignments(values: Mapping[str, Any]) -> Rendered:
    """`column = value` for each, and the values."""
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


def _restricted(clauses: Clauses, condition: Condition, values: tuple[Any, ...]) -> Clauses:
    if not condition and isinstance(condition, Mapping):
        raise ValueError("an empty condition; leave where() out to mean every row")
    return clauses.add("where", *rendered(condition, *values))
