"""UnfinishedResult: work that a handler returned in the place of a value, and that nobody does."""

from __future__ import annotations

import concurrent.futures
import sys
import types
from collections.abc import Coroutine, Iterator
from itertools import islice
from typing import Any

PLAIN = frozenset({type(None), str, bytes, bool, int, float})
"""Types of values that need no closer look."""
CONTAINERS = frozenset({dict, list, tuple, set})
_DEPTH = 3
_EACH, _LOOKS = 16, 32
"""A container is searched to this depth, at so many values in each and in all: rows stay cheap."""
_ITERATORS = map, filter, zip
_LAZY = (types.GeneratorType, types.AsyncGeneratorType, concurrent.futures.Future, *_ITERATORS)
_UNRUN = ": it has a 'yield', so that none of its lines has run"


class UnfinishedResult(TypeError):
    """A handler returned work that nobody does, such as a generator, in the place of a value."""

    names_its_place = True


def check_finished(result: object) -> None:
    """Raise UnfinishedResult for a generator, a future, or whatever else is still to be run.

    So it does for a container with something to await among the first values inside it.
    """
    if type(result) in CONTAINERS:
        unfinished = next(_awaitables(result, _EACH, _LOOKS), None)
        if unfinished is None:
            return
        kind = f"a {type(result).__name__} with {_kind(unfinished)}"
        for each in _awaitables(result, sys.maxsize, sys.maxsize):
            _close(each)
    elif isinstance(result, _LAZY) or hasattr(type(result), "__await__"):
        kind = _kind(result)
        _close(result)
    else:
        return
    raise UnfinishedResult(
        f"it returned {kind}, whose work nobody does; return a value, and do the work "
        "in the handler"
    )


def _awaitables(result: Any, each: int, looks: int) -> Iterator[object]:
    """The awaitables in a container and in those inside it, the outer ones first."""
    containers = [result]
    for _ in range(_DEPTH):
        inner = []
        for container in containers:
            values = container.values() if type(container) is dict else container
            # copied in one step: another thread may be changing what the handler returned
            values = tuple(islice(values, min(each, looks)))
            looks -= len(values)
            if not PLAIN.issuperset(map(type, values)):  # all plain, as most are
                for value in values:
                    kind = type(value)
                    if kind in CONTAINERS:
                        inner.append(value)
                    elif kind not in PLAIN and hasattr(kind, "__await__"):
                        yield value
            if not looks:
                return
        containers = inner


def _close(result: object) -> None:
    if isinstance(result, Coroutine):
        result.close()  # else Python would report it as well, without its place


def _kind(result: object) -> str:
    name = getattr(result, "__qualname__", None)
    of = f" of '{name}'" if name else ""
    match result:
        case types.GeneratorType():
            return f"a generator{of}{_UNRUN}"
        case types.AsyncGeneratorType():
            return f"an async generator{of}{_UNRUN}"
        case Coroutine():
            return f"a coroutine{of}, a call without 'await'"
        case _:
            return f"a {type(result).__name__}"
