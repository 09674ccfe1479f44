"""BoundStatement: a built statement together with the database or transaction it will run on."""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar

from runtime.engines.sql.builder.dialect import Dialect
from runtime.engines.sql.builder.expression import Renderable

Rows = TypeVar("Rows", covariant=True)
First = TypeVar("First", covariant=True)
Done = TypeVar("Done", covariant=True)


class Target(Protocol[Rows, First, Done]):
    """A database or a transaction, one that is awaited or one that blocks."""

    @property
    def dialect(self) -> Dialect: ...

    def query(self, text: str, parameters: tuple[Any, ...] = ..., /) -> Rows: ...

    def query_one(self, text: str, parameters: tuple[Any, ...] = ..., /) -> First: ...

    def execute(self, text: str, parameters: tuple[Any, ...] = ..., /) -> Done: ...


class BoundStatement(Generic[Rows, First, Done]):
    """Its calls return what the target's calls return: to be awaited, if those are."""

    __slots__ = ("_statement", "_target")

    def __init__(self, statement: Renderable, target: Target[Rows, First, Done]) -> None:
        self._statement = statement
        self._target = target

    def query(self) -> Rows:
        target = self._target
        return target.query(*self._statement.render(target.dialect))

    def query_one(self) -> First:
        target = self._target
        return target.query_one(*self._statement.render(target.dialect))

    def execute(self) -> Done:
        target = self._target
        return target.execute(*self._statement.render(target.dialect))
