"""Layout: the order of a statement's clauses in its text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Section(NamedTuple):
    """The place of one clause: the text before it, and the text between its parts."""

    clause: str
    lead: str
    between: str = ""
    default: str = ""
    """Written if the clause has no parts; with `beside`, only if there is that other clause."""
    beside: str = ""
    single: bool = False
    """Only the last part counts."""
    words: Mapping[str, str] | None = None
    """The dialect's word for each part that may stand here; None if parts stand as they are."""


class Layout:
    """The sections of one sort of statement, in their order."""

    __slots__ = ("clauses", "sections")

    def __init__(self, *sections: Section) -> None:
        self.sections = sections
        self.clauses = frozenset(section.clause for section in sections)
