"""Fast path: a well-formed YAML text to dicts, lists and scalars, without positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from runtime.manifest.scalar import scalar
from runtime.manifest.yaml12 import disguise, may_have_misplaced_comment

MAX_DEPTH = 64
MAX_NODES = 250_000
"""Most keys and values in one file; a file with more is a mistake or an attack."""

_SCALAR = yaml.ScalarEvent


class Fallback(Exception):
    """Something is unusual: the full parser has to read the text again."""


class TooManyNodes(Exception):
    """The text has more than MAX_NODES values, which would take too long to parse again."""

    def __init__(self, mark: Any) -> None:
        super().__init__()
        self.line, self.column = mark.line, mark.column


def parse_fast(text: str) -> Any:
    """Parse one YAML document.

    Raises Fallback for anything that could be an error, and TooManyNodes.
    """
    if may_have_misplaced_comment(text):
        raise Fallback
    disguised, restored = disguise(text)
    get: Callable[[], Any] = CParser(disguised).get_event
    try:
        get()  # StreamStartEvent
        start = get()
        if type(start) is not yaml.DocumentStartEvent:
            return None
        if start.version not in (None, (1, 2)) or start.tags:
            raise Fallback
        data = _Parser(get).value(get(), 1)
        get()  # DocumentEndEvent
        if type(get()) is not yaml.StreamEndEvent:
            raise Fallback
    except (yaml.YAMLError, ValueError):
        raise Fallback from None
    return _restored(data, restored) if restored else data


def _restored(value: Any, table: Mapping[int, str]) -> Any:
    if isinstance(value, str):
        return value.translate(table)
    if isinstance(value, dict):
        return {key.translate(table): _restored(item, table) for key, item in value.items()}
    return [_restored(item, table) for item in value] if isinstance(value, list) else value


class _Parser:
    def __init__(self, get: Callable[[], Any]) -> None:
        self._get = get
        self._nodes = 1

    def value(self, event: Any, depth: int) -> Any:
        """Read the value that begins with `event`."""
        if event.anchor is not None or type(event) is yaml.AliasEvent or event.tag is not None:
            raise Fallback
        kind = type(event)
        if kind is _SCALAR:
            return scalar(event.value) if event.implicit[0] else event.value
        if depth > MAX_DEPTH:
            raise Fallback
        return self._mapping(depth) if kind is yaml.MappingStartEvent else self._list(depth)

    def _mapping(self, depth: int) -> dict[str, Any]:
        get = self._get
        data: dict[str, Any] = {}
        while type(event := get()) is _SCALAR:
            key = event.value
            if key in data or event.anchor is not None or event.tag is not None:
                raise Fallback
            if not key and event.implicit[0]:
                raise Fallback  # no key at all
            event = get()
            # inlined from `value`: most values are scalars, and the call would cost more
            if type(event) is _SCALAR and event.anchor is None and event.tag is None:
                data[key] = scalar(event.value) if event.implicit[0] else event.value
            else:
                data[key] = self.value(event, depth + 1)
            if len(data) > MAX_NODES:
                raise TooManyNodes(event.start_mark)
        if type(event) is not yaml.MappingEndEvent:
            raise Fallback
        self._count(2 * len(data), event)
        return data

    def _list(self, depth: int) -> list[Any]:
        get = self._get
        data: list[Any] = []
        while type(event := get()) is not yaml.SequenceEndEvent:
            data.append(self.value(event, depth + 1))
            if len(data) > MAX_NODES:
                raise TooManyNodes(event.start_mark)
        self._count(len(data), event)
        return data

    def _count(self, nodes: int, event: Any) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise TooManyNodes(event.start_mark)
