"""Calling: the way in which a kind calls the functions that its entries name, so that it can be
checked before anything is imported.
"""

from __future__ import annotations

import msgspec

from runtime.findings.finding import Path


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """The values that a caller has for the annotated parameters of a handler."""

    caller: str
    """The caller, as findings name it: `GET /tasks/{id}`."""
    locations: frozenset[str]
    """`path`, `query`, `header`, `cookie`, `body`, `form`, `state`: those that it has."""
    given: frozenset[str] = frozenset()
    """Of `request`, `reply`, `socket`, `message` and `logger` those that it hands in."""
    required: str = ""
    """The one of them without which the handler could do nothing."""
    path: tuple[str, ...] = ()
    """The parameters of its path."""
    path_field: Path = ()
    """The field with the path, if each of its parameters should be asked for."""
    no_body: str = ""
    """The reason why there is no body, if there is none: `a GET has none`."""
    one_body: bool = False
    """True if any value without another source is the body."""
    texts_only: bool = False
    """True if no value can be a record."""


class Generator(msgspec.Struct, frozen=True, kw_only=True):
    """Tells if a handler is to be an async generator."""

    wanted: str = ""
    """The setting that needs one, as findings quote it: `answer: sse`; empty if it must be none."""
    path: Path = ()
    """The field with that setting."""
    hint: str = "return a list, or move it to another function"
    """The mend for a generator that must be none."""


class Arguments(msgspec.Struct, frozen=True):
    """The number of positional arguments that the handler at `path` will be called with; without a
    path it is the entry's own.
    """

    path: Path
    least: int
    most: int
    caller: str
    """The caller, as findings name it: `an endpoint`, `a consumer`."""
    by_annotation: bool = False
    """True if a function whose parameters are annotated gets what they say, of any number."""
    sources: Sources | None = None
    """For such a function: what its annotations may ask for. Unchecked without."""
    generator: Generator = Generator()
    is_async: bool = False
    """True if it is an `async def`."""


class Plain(msgspec.Struct, frozen=True):
    """The entry's own function is a plain `def`."""

    reason: str
    """The end of `'resize' is an async function, and …`."""
    hint: str


class Factory(msgspec.Struct, frozen=True):
    """The entry's own function makes a value, which it may yield, and is called by keyword."""

    path: Path
    """The field with the arguments."""
    names: tuple[str, ...]
    """The arguments."""
