"""Signature: the parameters of a handler as its caller fills them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import msgspec

EMPTY = inspect.Parameter.empty
"""No default, or no annotation."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of a handler, and where its value comes from."""

    name: str
    location: str
    """`path`, `query`, `header`, `cookie`, `body`, `form`, `state`, `component`, or `given` by
    the caller: a request, a message, a logger. The body of a message is a `body`."""
    alias: str
    """Its name there, such as `x-tenant`; of a component, the id of its entry."""
    type: Any
    """The annotation with its `msgspec.Meta`, without markers."""
    required: bool
    default: Any = EMPTY
    is_file: bool = False
    """True for an uploaded file of a form."""
    is_whole: bool = False
    """True for a record that is the whole form."""


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """A handler as its documentation shows it."""

    parameters: tuple[Parameter, ...]
    """In the order of the function. None of one that is not annotated."""
    typed: bool
    """False if no parameter is annotated: then the handler is called with the request or the body,
    or with nothing."""
    returns: Any
    """The annotation of the result; EMPTY if there is none."""
    summary: str
    """The first line of the docstring."""
    description: str
    """The rest of the docstring."""
    place: str
    """`file:line` of the `def`."""

    def at(self, *locations: str) -> tuple[Parameter, ...]:
        """The parameters that come from one of these locations."""
        return tuple(each for each in self.parameters if each.location in locations)


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Calls handlers, and has values for their parameters."""

    name: str
    """`GET /tasks/{id}`, `a consumer`: as errors say it."""
    namespace: str
    """That of bare names of entries."""
    locations: frozenset[str]
    """Those where it finds values: a subset of the locations of parameters."""
    path: tuple[str, ...] = ()
    """The parameters of its path."""
    blocking: bool = False
    """True for a plain `def`, which gets what blocks in the place of what is awaited."""
    given: Mapping[type, Any] = msgspec.field(default_factory=dict)
    """The types whose values it hands in."""
    foreign: Mapping[type, str] = msgspec.field(default_factory=dict)
    """Types that are given by others only, each with what to write instead."""
    files: tuple[type, ...] = ()
    """The types of uploaded files."""
    no_body: str = ""
    """The reason why there is no body, if there is none: `a GET has no body`."""
    one_body: bool = False
    """True if any parameter without another source is the body: so for messages."""
