"""Clauses: the parts of a statement that is being built, and their way into one text."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from runtime.engines.sql.builder.expression import Expression, Rendered


class Section(NamedTuple):
    """Where a clause stands: the text before it, and between its parts.

    Of a `single` clause the last part counts. If there are none, it is `default`; with `beside`
    only where there is that other clause.
    """

    clause: str
    lead: str
    between: str = ""
    default: str = ""
    beside: str = ""
    single: bool = False


class Layout:
    """The sections of one sort of statement, in their order."""

    __slots__ = ("sections",)

    def __init__(self, *sections: Section) -> None:
        self.sections = sections


Parts = tuple[tuple[str, str], ...]
Read = Callable[[str], str]


class Clauses:
    """Immutable: parts in the order they were given, each with the values of its `?`."""

    __slots__ = ("parts", "values")

    def __init__(self, parts: Parts = (), values: tuple[tuple[Any, ...], ...] = ()) -> None:
        self.parts = parts
        self.values = values

    def add(self, clause: str, text: str, values: tuple[Any, ...] = ()) -> Clauses:
        return Clauses((*self.parts, (clause, text)), (*self.values, values))

    def has(self, clause: str) -> bool:
        for part in self.parts:  # noqa: SIM110, a generator for `any` takes three times as long
            if part[0] == clause:
                return True
        return False

    def render(self, layout: Layout) -> Rendered:
        """The statement and its values, in the order of the text."""
        text, order = _composed(layout, self.parts)
        values = self.values
        return text, tuple(chain.from_iterable([values[index] for index in order]))


def terms(given: tuple[str | Expression, ...], read: Read, what: str) -> Rendered:
    """Names, each through `read`, and expressions as they are, as one list with its values."""
    try:
        return _names(given, read), ()
    except _MoreThanNames:
        pass
    texts: list[str] = []
    values: tuple[Any, ...] = ()
    for term in given:
        if isinstance(term, Expression):
            texts.append(term.text)
            values += term.values
        elif isinstance(term, str):
            texts.append(read(term))
        else:
            raise TypeError(f"{what} is of type {type(term).__name__}, wanted a name or expr(…)")
    return ", ".join(texts), values


class _MoreThanNames(Exception):
    """There is an expression among the terms, or something that has no place there."""


def _names(given: tuple[str | Expression, ...], read: Read) -> str:
    try:
        return _joined_names(given, read)
    except TypeError:  # not hashable, so certainly no names
        raise _MoreThanNames from None


@lru_cache(maxsize=1024)
def _joined_names(given: tuple[str | Expression, ...], read: Read) -> str:
    names = [term for term in given if isinstance(term, str)]
    if len(names) < len(given):
        raise _MoreThanNames
    return ", ".join(map(read, names))


@lru_cache(maxsize=1024)
def _composed(layout: Layout, parts: Parts) -> tuple[str, tuple[int, ...]]:
    """The text of a shape, and in which order its parts stand in it: made once a shape."""
    given = {clause for clause, _ in parts}
    text, order = "", []
    for section in layout.sections:
        found = [index for index, part in enumerate(parts) if part[0] == section.clause]
        if section.single:
            found = found[-1:]
        if found:
            text += section.lead + section.between.join(parts[index][1] for index in found)
            order += found
        elif section.default and (not section.beside or section.beside in given):
            text += section.lead + section.default
    return text, tuple(order)
