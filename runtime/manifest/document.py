"""Document: a YAML text as plain data that remembers where each key and value stands."""

from __future__ import annotations

from typing import Any, NamedTuple

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from runtime.findings.finding import Finding, Position
from runtime.manifest.fast import MAX_DEPTH, MAX_NODES, Doubt, TooMany, quickly
from runtime.manifest.scalar import scalar
from runtime.manifest.yaml_error import Fault, explain

MAX_BYTES = 8 * 1024 * 1024
MAX_FAULTS = 100
"""Reading a file stops after so many faults in its YAML."""


class Place(NamedTuple):
    """Where a value and its key stand, counted from zero, and the places of what it contains."""

    line: int
    column: int
    key_line: int
    key_column: int
    inside: dict[str, Place] | list[Place] | None


class Document:
    """One file: `data` is dicts, lists and scalars, and `at` tells where each part stands."""

    def __init__(self, path: str, data: Any, shown: str, text: str, place: Place | None) -> None:
        self.path = path
        self.data = data
        self.shown = shown
        """The file's name as findings print it."""
        self.text = text
        self._place = place

    def at(self, path: tuple[str | int, ...]) -> Position:
        """The position of the value at `path`, or of the nearest one around it."""
        place = self._find(path)
        return Position(self.shown, place.line + 1, place.column + 1)

    def key_at(self, path: tuple[str | int, ...]) -> Position:
        """The position of the key that ends `path`, or of the nearest one around it."""
        place = self._find(path)
        return Position(self.shown, place.key_line + 1, place.key_column + 1)

    def has(self, path: tuple[str | int, ...]) -> bool:
        """Whether the file itself says something at `path`."""
        return self._walk(path)[1]

    def _find(self, path: tuple[str | int, ...]) -> Place:
        return self._walk(path)[0]

    def _walk(self, path: tuple[str | int, ...]) -> tuple[Place, bool]:
        """The place nearest to `path`, and whether it is that of `path`."""
        if self._place is None:  # nobody asks while all is well: the text is read once more
            reader = _Reader()
            reader.read(self.text)
            self._place = reader.place
        place = self._place
        for step in path:
            inside: Any = place.inside
            try:
                place = inside[step]
            except (KeyError, IndexError, TypeError):
                return place, False
        return place, True


class _Refused(Exception):
    """Reading stops here."""

    def __init__(self, message: str, line: int, column: int, hint: str | None = None) -> None:
        self.fault: Fault = (message, line, column, hint)


def parse(text: str, path: str, shown: str) -> tuple[Document | None, list[Finding]]:
    """Read one YAML document by its events.

    Most texts are right, and are read without a note of where things stand. Any other is read from
    its start by a reader that tells what is wrong.

    Returns the document and what is wrong with it; no document if the text cannot be read to its
    end. Duplicate keys, anchors, aliases, tags and second documents are findings.
    """
    try:
        return Document(path, quickly(text), shown, text, None), []
    except TooMany as stop:
        there = Position(shown, stop.line + 1, stop.column + 1)
        return None, [Finding(there, f"more than {MAX_NODES:,} values")]
    except Doubt:
        pass
    reader = _Reader()
    document = None
    try:
        reader.read(text)
        document = Document(path, reader.data, shown, text, reader.place)
    except _Refused as refused:
        reader.faults.append(refused.fault)
    except yaml.YAMLError as error:
        reader.faults.append(explain(error, text))
    findings = [
        Finding(Position(shown, line + 1, column + 1), message.replace("\0file", shown), hint)
        for message, line, column, hint in reader.faults
    ]
    return document, findings


class _Frame:
    """A mapping or a sequence that is being read."""

    __slots__ = ("column", "data", "inside", "key", "key_column", "key_line", "key_mark", "line")

    def __init__(self, data: Any, inside: Any, mark: Any, key_line: int, key_column: int) -> None:
        self.data = data
        self.inside = inside
        self.line, self.column = mark.line, mark.column
        self.key_line, self.key_column = key_line, key_column
        self.key: str | None = None
        self.key_mark: Any = None


class _Reader:
    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.data: Any = None
        self.place = Place(0, 0, 0, 0, None)
        self.stack: list[_Frame] = []

    def read(self, text: str) -> None:
        parser: Any = CParser(text)
        get = parser.get_event
        scalar_event = yaml.ScalarEvent
        nodes = documents = 0
        while True:
            event = get()
            kind = type(event)
            if kind is scalar_event:
                nodes += 1
                self._scalar(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                nodes += 1
                self._open(event, {} if kind is yaml.MappingStartEvent else [])
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._close()
            elif kind is yaml.AliasEvent:
                self._fault(event, f"alias '*{event.anchor}'", "write the value out again")
                self._put(None, event.start_mark, None)
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    mark = event.start_mark
                    hint = "put it into an _index.yaml of its own"
                    raise _Refused("a second document in one file", mark.line, mark.column, hint)
            elif kind is yaml.StreamEndEvent:
                return
            if nodes > MAX_NODES:
                mark = event.start_mark
                raise _Refused(f"more than {MAX_NODES:,} values", mark.line, mark.column)
            if len(self.faults) >= MAX_FAULTS:
                mark = event.start_mark
                raise _Refused("too many faults, reading stops here", mark.line, mark.column)

    def _scalar(self, event: Any) -> None:
        mark = event.start_mark
        frame = self.stack[-1] if self.stack else None
        if event.tag is not None or event.anchor is not None:
            self._check_plain(event)
        value = event.value
        if frame is not None and frame.key is None and type(frame.data) is dict:
            self._key(frame, value, mark)
            return
        if event.implicit[0]:
            try:
                value = scalar(value)
            except ValueError as error:
                self.faults.append((str(error), mark.line, mark.column, "quote it to make it text"))
        self._put(value, mark, None)

    def _key(self, frame: _Frame, key: str, mark: Any) -> None:
        if key in frame.data:
            first = frame.inside[key]
            there = f"\0file:{first.key_line + 1}:{first.key_column + 1}"
            hint = "remove one of them"
            fault = f"duplicate key '{key}'; the first is at {there}"
            self.faults.append((fault, mark.line, mark.column, hint))
        frame.key, frame.key_mark = key, mark

    def _open(self, event: Any, data: Any) -> None:
        mark = event.start_mark
        if event.tag is not None or event.anchor is not None:
            self._check_plain(event)
        if len(self.stack) >= MAX_DEPTH:
            raise _Refused(f"nested deeper than {MAX_DEPTH}", mark.line, mark.column)
        key_mark = mark
        if self.stack:
            parent = self.stack[-1]
            if type(parent.data) is dict:
                if parent.key is None:
                    raise _Refused("a key that is not plain text", mark.line, mark.column)
                key_mark = parent.key_mark
        inside: Any = {} if type(data) is dict else []
        self.stack.append(_Frame(data, inside, mark, key_mark.line, key_mark.column))

    def _close(self) -> None:
        frame = self.stack.pop()
        self._put(frame.data, frame, frame.inside)

    def _put(self, value: Any, mark: Any, inside: Any) -> None:
        if not self.stack:
            self.data = value
            self.place = Place(mark.line, mark.column, mark.line, mark.column, inside)
            return
        frame = self.stack[-1]
        if type(frame.data) is list:
            frame.data.append(value)
            place = Place(mark.line, mark.column, mark.line, mark.column, inside)
            frame.inside.append(place)
            return
        key, key_mark = frame.key, frame.key_mark
        if key is None:  # an alias where a key should be
            raise _Refused("a key that is not plain text", mark.line, mark.column)
        if key not in frame.data:
            frame.data[key] = value
            frame.inside[key] = Place(
                mark.line, mark.column, key_mark.line, key_mark.column, inside
            )
        frame.key = None

    def _check_plain(self, event: Any) -> None:
        if event.tag is not None and event.tag != "!":
            self._fault(event, f"tag '{event.tag}'", "remove it; a value is what it looks like")
        if event.anchor is not None:
            self._fault(event, f"anchor '&{event.anchor}'", "remove it; values are not shared")

    def _fault(self, event: Any, what: str, hint: str) -> None:
        mark = event.start_mark
        message = f"{what} is not allowed in a manifest"
        self.faults.append((message, mark.line, mark.column, hint))
