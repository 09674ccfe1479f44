"""Plain: a YAML text without fault as dicts, lists and scalars, read as quickly as can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from runtime.manifest.scalar import scalar

MAX_DEPTH = 64
MAX_NODES = 250_000
"""More keys and values than this in one file are refused: a mistake or an attack."""

_SCALAR = yaml.ScalarEvent


class Doubt(Exception):
    """Something is not as it should be: the text is to be read by what can tell."""


class TooMany(Exception):
    """The text has more than MAX_NODES values. To read it once more would take too long."""

    def __init__(self, mark: Any) -> None:
        super().__init__()
        self.line, self.column = mark.line, mark.column


def quickly(text: str) -> Any:
    """What the text says. Raises Doubt for anything that could be a fault, and TooMany."""
    get: Callable[[], Any] = CParser(text).get_event
    try:
        get()  # the stream begins
        if type(get()) is not yaml.DocumentStartEvent:
            return None
        data = _Reading(get).value(get(), 1)
        get()  # the document ends
        if type(get()) is not yaml.StreamEndEvent:
            raise Doubt
    except (yaml.YAMLError, ValueError):
        raise Doubt from None
    return data


class _Reading:
    def __init__(self, get: Callable[[], Any]) -> None:
        self._get = get
        self._nodes = 1

    def value(self, event: Any, depth: int) -> Any:
        """The value that begins with `event`."""
        if event.anchor is not None or type(event) is yaml.AliasEvent or event.tag is not None:
            raise Doubt
        kind = type(event)
        if kind is _SCALAR:
            return scalar(event.value) if event.implicit[0] else event.value
        if depth > MAX_DEPTH:
            raise Doubt
        return self._mapping(depth) if kind is yaml.MappingStartEvent else self._list(depth)

    def _mapping(self, depth: int) -> dict[str, Any]:
        get = self._get
        data: dict[str, Any] = {}
        while type(event := get()) is _SCALAR:
            key = event.value
            if key in data or event.anchor is not None or event.tag is not None:
                raise Doubt
            event = get()
            # most values are scalars, and a call costs more than these lines
            if type(event) is _SCALAR and event.anchor is None and event.tag is None:
                data[key] = scalar(event.value) if event.implicit[0] else event.value
            else:
                data[key] = self.value(event, depth + 1)
            if len(data) > MAX_NODES:
                raise TooMany(event.start_mark)
        if type(event) is not yaml.MappingEndEvent:
            raise Doubt
        self._count(2 * len(data), event)
        return data

    def _list(self, depth: int) -> list[Any]:
        get = self._get
        data: list[Any] = []
        while type(event := get()) is not yaml.SequenceEndEvent:
            data.append(self.value(event, depth + 1))
            if len(data) > MAX_NODES:
                raise TooMany(event.start_mark)
        self._count(len(data), event)
        return data

    def _count(self, nodes: int, event: Any) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise TooMany(event.start_mark)
