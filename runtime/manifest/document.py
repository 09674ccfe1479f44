"""Document: a YAML file as plain data, with the position of every key and value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from runtime.findings.finding import Finding, Position
from runtime.manifest.fast import MAX_DEPTH, MAX_NODES, Fallback, TooManyNodes, parse_fast
from runtime.manifest.scalar import scalar
from runtime.manifest.yaml12 import disguise, may_have_misplaced_comment
from runtime.manifest.yaml_error import Fault, explain

MAX_BYTES = 8 * 1024 * 1024
MAX_FAULTS = 100
"""Most YAML errors reported for one file."""


class Place(NamedTuple):
    """Position of a value and of its key, from zero, and the places of its children."""

    line: int
    column: int
    key_line: int
    key_column: int
    children: dict[str, Place] | list[Place] | None


class Document:
    """One file: `data` is dicts, lists and scalars; `at` gives the position of each part."""

    def __init__(
        self, path: str, data: Any, display_name: str, text: str, place: Place | None
    ) -> None:
        self.path = path
        self.data = data
        self.display_name = display_name
        """The file's name as findings print it."""
        self.text = text
        self._place = place
        """Place of the whole document; None until a position is asked for."""

    def at(self, path: tuple[str | int, ...]) -> Position:
        """Position of the value at `path`, or of the nearest enclosing value."""
        place = self._find(path)
        return Position(self.display_name, place.line + 1, place.column + 1)

    def key_at(self, path: tuple[str | int, ...]) -> Position:
        """Position of the last key of `path`, or of the nearest enclosing one."""
        place = self._find(path)
        return Position(self.display_name, place.key_line + 1, place.key_column + 1)

    def has(self, path: tuple[str | int, ...]) -> bool:
        """True if the file itself has a value at `path`."""
        return self._walk(path)[1]

    def _find(self, path: tuple[str | int, ...]) -> Place:
        return self._walk(path)[0]

    def _walk(self, path: tuple[str | int, ...]) -> tuple[Place, bool]:
        """The place at `path` and True, or the nearest enclosing place and False."""
        if self._place is None:  # rarely needed: only then is the text parsed with positions
            parser = _Parser()
            parser.read(self.text)
            self._place = parser.place
        place = self._place
        for step in path:
            children: Any = place.children
            try:
                place = children[step]
            except (KeyError, IndexError, TypeError):
                return place, False
        return place, True


class _Stop(Exception):
    """Parsing cannot go on after this error."""

    def __init__(self, message: str, line: int, column: int, hint: str | None = None) -> None:
        self.fault: Fault = (message, line, column, hint)


def parse(text: str, path: str, display_name: str) -> tuple[Document | None, list[Finding]]:
    """Parse a file with one YAML document.

    Most files have no error and are parsed once, without positions. Any other is parsed again
    from its start by a slower parser that reports errors.

    Returns the document and its findings; no document if parsing stopped before the end.
    Duplicate keys, anchors, aliases, tags and second documents are findings.
    """
    try:
        return Document(path, parse_fast(text), display_name, text, None), []
    except TooManyNodes as stop:
        position = Position(display_name, stop.line + 1, stop.column + 1)
        return None, [Finding(position, f"more than {MAX_NODES:,} values")]
    except Fallback:
        pass
    parser = _Parser()
    document = None
    try:
        parser.read(text)
        document = Document(path, parser.data, display_name, text, parser.place)
    except _Stop as stop:
        parser.faults.append(stop.fault)
    except yaml.YAMLError as error:
        parser.faults.append(explain(error, text))
    findings = [
        Finding(
            Position(display_name, line + 1, column + 1),
            message.replace("\0file", display_name),
            hint,
        )
        for message, line, column, hint in parser.faults
    ]
    return document, findings


class _Frame:
    """A mapping or a list that is being read."""

    __slots__ = ("children", "column", "data", "key", "key_column", "key_line", "key_mark", "line")

    def __init__(self, data: Any, children: Any, mark: Any, key_line: int, key_column: int) -> None:
        self.data = data
        self.children = children
        self.line, self.column = mark.line, mark.column
        self.key_line, self.key_column = key_line, key_column
        self.key: str | None = None
        self.key_mark: Any = None


class _Parser:
    """Parses by events, recording positions and errors."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.data: Any = None
        self.place = Place(0, 0, 0, 0, None)
        self.stack: list[_Frame] = []
        self.restored: Mapping[int, str] = {}
        """Table that restores the characters that were disguised for libyaml."""

        self.unmarked = ""
        """The text without its byte order mark, which marks do not count. Empty unless it may have
        a misplaced comment."""

    def read(self, text: str) -> None:
        disguised, self.restored = disguise(text)
        if may_have_misplaced_comment(text):
            self.unmarked = text.removeprefix("\ufeff")
        parser: Any = CParser(disguised)
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
                self._fault(event, f"alias '*{event.anchor}'", "repeat the value")
                self._put(None, event.start_mark, None)
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                mark = event.start_mark
                if event.version not in (None, (1, 2)) or event.tags:
                    message = "a directive that is not allowed in a manifest"
                    self.faults.append((message, mark.line, mark.column, "remove the line with %"))
                if documents > 1:
                    hint = "put it into an _index.yaml of its own"
                    raise _Stop("a second document in one file", mark.line, mark.column, hint)
            elif kind is yaml.StreamEndEvent:
                return
            if self.unmarked:
                self._check_end(event)
            if nodes > MAX_NODES:
                mark = event.start_mark
                raise _Stop(f"more than {MAX_NODES:,} values", mark.line, mark.column)
            if len(self.faults) >= MAX_FAULTS:
                mark = event.start_mark
                raise _Stop("too many errors, reading stops here", mark.line, mark.column)

    def _scalar(self, event: Any) -> None:
        mark = event.start_mark
        frame = self.stack[-1] if self.stack else None
        if event.tag is not None or event.anchor is not None:
            self._check_plain(event)
        value = event.value.translate(self.restored) if self.restored else event.value
        if frame is not None and frame.key is None and type(frame.data) is dict:
            if not value and event.implicit[0]:
                raise _Stop("a key is missing here", mark.line, mark.column)
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
            first = frame.children[key]
            position = f"\0file:{first.key_line + 1}:{first.key_column + 1}"
            hint = "remove one of them"
            fault = f"duplicate key '{key}'; the first is at {position}"
            self.faults.append((fault, mark.line, mark.column, hint))
        frame.key, frame.key_mark = key, mark

    def _open(self, event: Any, data: Any) -> None:
        mark = event.start_mark
        if event.tag is not None or event.anchor is not None:
            self._check_plain(event)
        if len(self.stack) >= MAX_DEPTH:
            raise _Stop(f"nested deeper than {MAX_DEPTH}", mark.line, mark.column)
        key_mark = mark
        if self.stack:
            parent = self.stack[-1]
            if type(parent.data) is dict:
                if parent.key is None:
                    raise _Stop("a key that is not plain text", mark.line, mark.column)
                key_mark = parent.key_mark
        children: Any = {} if type(data) is dict else []
        self.stack.append(_Frame(data, children, mark, key_mark.line, key_mark.column))

    def _close(self) -> None:
        frame = self.stack.pop()
        self._put(frame.data, frame, frame.children)

    def _put(self, value: Any, mark: Any, children: Any) -> None:
        if not self.stack:
            self.data = value
            self.place = Place(mark.line, mark.column, mark.line, mark.column, children)
            return
        frame = self.stack[-1]
        if type(frame.data) is list:
            frame.data.append(value)
            place = Place(mark.line, mark.column, mark.line, mark.column, children)
            frame.children.append(place)
            return
        key, key_mark = frame.key, frame.key_mark
        if key is None:  # an alias where a key should be
            raise _Stop("a key that is not plain text", mark.line, mark.column)
        if key not in frame.data:
            frame.data[key] = value
            frame.children[key] = Place(
                mark.line, mark.column, key_mark.line, key_mark.column, children
            )
        frame.key = None

    def _check_end(self, event: Any) -> None:
        """Report a `#` right after a closing quote or bracket: libyaml drops what follows."""
        start, end = event.start_mark.index, event.end_mark
        closed = self.unmarked[end.index - 1 : end.index]
        kind = type(event)
        if kind is yaml.ScalarEvent:
            is_closed = event.style in ("'", '"')
        else:  # the end of a block mapping or list has no characters
            is_closed = kind in (yaml.MappingEndEvent, yaml.SequenceEndEvent) and end.index > start
        if is_closed and self.unmarked.startswith("#", end.index):
            message = f"a '#' right after {closed} begins no comment"
            self.faults.append((message, end.line, end.column, "put a space before it"))

    def _check_plain(self, event: Any) -> None:
        if event.tag is not None:
            self._fault(event, f"tag '{event.tag}'", "remove it; quote a value to make it text")
        if event.anchor is not None:
            self._fault(event, f"anchor '&{event.anchor}'", "remove it; values cannot be shared")

    def _fault(self, event: Any, feature: str, hint: str) -> None:
        mark = event.start_mark
        message = f"{feature} is not allowed in a manifest"
        self.faults.append((message, mark.line, mark.column, hint))
