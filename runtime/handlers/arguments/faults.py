"""Faults: what is wrong with a value, with places, for whoever sent it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

MOST = 20
"""Faults of one value that are told."""
_LONGEST = 64
"""Characters of a name that a pointer repeats; it may be the client's own."""


class Fault(msgspec.Struct, frozen=True):
    """One fault of a value. No part of the value is in it."""

    path: tuple[str | int, ...]
    """Names and indices from the outside in."""
    detail: str
    """`must be at least 1`, `is missing`."""

    @property
    def pointer(self) -> str:
        """The place as a JSON pointer, in the form of a URI fragment's text: `#/items/2/name`."""
        return "".join(["#", *(f"/{_escape(str(step))}" for step in self.path)])


class Unfit(ValueError):
    """A value does not have the shape that is asked for; the text has each fault with its place."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        more = "; and more" if len(self.faults) >= MOST else ""
        super().__init__("; ".join(f"{each.pointer}: {each.detail}" for each in faults) + more)


def count(faults: Sequence[object]) -> str:
    """`3 things are wrong with`, as far as they were counted."""
    if len(faults) == 1:
        return "one thing is wrong with"
    if len(faults) >= MOST:
        return f"{MOST} things or more are wrong with"
    return f"{len(faults)} things are wrong with"


def is_repeatable(name: str) -> bool:
    """True for a name that a pointer can repeat: short, and text."""
    return len(name) <= _LONGEST and name.isprintable()


def listing(names: Iterable[object]) -> str:
    """`'a', 'b', 3`: JSON values as a user writes them in Python."""
    return ", ".join(repr(name) for name in names)


def _escape(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
