"""Clauses: the parts of a statement that is being built, and the text composed of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Any

from runtime.engines.sql.builder.dialect import IN_ITEMS, INNER, SQLITE, Dialect, Items
from runtime.engines.sql.builder.expression import Expression, Rendered
from runtime.engines.sql.builder.layout import Layout, Section

Parts = tuple[tuple[str, str], ...]
Read = Callable[[str], str]


class Clauses:
    """Immutable: parts in the order of the calls, each with the values of its `?`."""

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

    def render(self, layout: Layout, dialect: Dialect) -> Rendered:
        """The statement and its values, in the order of the text."""
        text, order, has_items = _compose(layout, self.parts, dialect)
        values = self.values
        bound = tuple(chain.from_iterable([values[index] for index in order]))
        return text, tuple(_bind_items(bound, dialect)) if has_items else bound


def terms(given: tuple[str | Expression, ...], read: Read, what: str) -> Rendered:
    """A list of names, each checked and quoted by `read`, and of expressions, with its values."""
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
    """Among the terms is an expression, or something that has no place there."""


def _names(given: tuple[str | Expression, ...], read: Read) -> str:
    try:
        return _join_names(given, read)
    except TypeError:  # not hashable, so no names
        raise _MoreThanNames from None


@lru_cache(maxsize=1024)
def _join_names(given: tuple[str | Expression, ...], read: Read) -> str:
    names = [term for term in given if isinstance(term, str)]
    if len(names) < len(given):
        raise _MoreThanNames
    return ", ".join(map(read, names))


@lru_cache(maxsize=1024)
def _compose(layout: Layout, parts: Parts, dialect: Dialect) -> tuple[str, tuple[int, ...], bool]:
    """The text of a shape of statement, the order of its parts in it, and whether lists are among
    its values; once for each shape."""
    given = {clause for clause, _ in parts}
    if unsupported := sorted(given - layout.clauses):
        raise ValueError(f"{dialect.name} has no clause '{unsupported[0]}'")
    text, order = "", []
    for section in layout.sections:
        found = [index for index, part in enumerate(parts) if part[0] == section.clause]
        if section.single:
            found = found[-1:]
        if found:
            words = [_word(section, parts[index][1], dialect) for index in found]
            text += section.lead + section.between.join(words)
            order += found
        elif section.default and (not section.beside or section.beside in given):
            text += section.lead + section.default
    has_items = IN_ITEMS in text
    if dialect is not SQLITE and dialect is not INNER:
        text = dialect.translate(text)
    return text, tuple(order), has_items


def _bind_items(values: Iterable[Any], dialect: Dialect) -> Iterator[Any]:
    for value in values:
        yield dialect.bind_items(value) if type(value) is Items else value


def _word(section: Section, part: str, dialect: Dialect) -> str:
    if section.words is None:
        return part
    if part not in section.words:
        name = f"{section.clause.upper()} {part}"
        raise dialect.unsupported(name, name)
    return section.words[part]
