"""Document: a YAML text as plain data that remembers where each key and value stands."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from runtime.finding import Finding, Position

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 250_000
"""More keys and values than this in one file are refused: a mistake or an attack."""
MAX_FAULTS = 100
"""Reading a file stops after so many faults in its YAML."""

# YAML 1.2's core schema, except that a leading zero keeps a number text: `022` is not 22.
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,4000})|0o[0-7]{1,4000}|0x[0-9a-fA-F]{1,4000}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_STARTS = frozenset("-+.0123456789")


class Place(NamedTuple):
    """Where a value and its key stand, counted from zero, and the places of what it contains."""

    line: int
    column: int
    key_line: int
    key_column: int
    inside: dict[str, Place] | list[Place] | None


@dataclass(slots=True)
class Document:
    """One file: `data` is dicts, lists and scalars, and `at` tells where each part stands."""

    path: str
    data: Any
    place: Place
    shown: str
    """The file's name as findings print it."""
    text: str = ""

    def at(self, path: tuple[str | int, ...]) -> Position:
        """The position of the value at `path`, or of the nearest one around it."""
        place = self._find(path)
        return Position(self.shown, place.line + 1, place.column + 1)

    def key_at(self, path: tuple[str | int, ...]) -> Position:
        """The position of the key that ends `path`, or of the nearest one around it."""
        place = self._find(path)
        return Position(self.shown, place.key_line + 1, place.key_column + 1)

    def _find(self, path: tuple[str | int, ...]) -> Place:
        place = self.place
        for step in path:
            inside: Any = place.inside
            try:
                place = inside[step]
            except (KeyError, IndexError, TypeError):
                break
        return place


class _Refused(Exception):
    """Reading stops here."""

    def __init__(self, message: str, line: int, column: int, hint: str | None = None) -> None:
        self.finding = (message, line, column, hint)


def scalar(text: str) -> Any:
    """What a plain scalar means by YAML 1.2: `no` is text, `true` a boolean, `10` a number.

    Raises ValueError for numbers that JSON cannot say, such as `.nan`.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _NUMBER_STARTS:
        if _INTEGER.fullmatch(text):
            return int(text, 0)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isfinite(number):
                return number
            raise ValueError(f"{_short(text)} is too large for a number")
        if _NO_NUMBER.fullmatch(text):
            raise ValueError(f"{text} is not a number that can be used")
    return text


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


def parse(text: str, path: str, shown: str) -> tuple[Document | None, list[Finding]]:
    """Read one YAML document by its events.

    Returns the document and what is wrong with it; no document if the text cannot be read to its
    end. Duplicate keys, anchors, aliases, tags and second documents are findings.
    """
    reader = _Reader()
    document = None
    try:
        reader.read(text)
        document = Document(path, reader.data, reader.place, shown, text)
    except _Refused as refused:
        reader.faults.append(refused.finding)
    except yaml.MarkedYAMLError as error:
        reader.faults.append(_syntax(error, text))
    except yaml.YAMLError as error:
        reader.faults.append(_unreadable(error, text))
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
        self.faults: list[tuple[str, int, int, str | None]] = []
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


def _syntax(error: yaml.MarkedYAMLError, text: str) -> tuple[str, int, int, str | None]:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.splitlines()
    here = lines[line] if line < len(lines) else ""
    hint = None
    if "\t" in here[: column + 1]:
        hint = "indent with spaces, not with tabs"
    elif error.problem and "mapping values are not allowed" in error.problem:
        hint = "quote the text if it contains ': '"
    elif error.problem and "did not find expected" in error.problem:
        hint = "look at the indentation and the quotes of this line and the one before"
    problem = error.problem or "unreadable"
    if error.context and error.context != problem:
        problem = f"{problem} {error.context}"
    return f"not valid YAML: {problem}", line, column, hint


def _unreadable(error: yaml.YAMLError, text: str) -> tuple[str, int, int, str | None]:
    """A character that YAML forbids: PyYAML tells only its offset."""
    offset = getattr(error, "position", None)
    if not isinstance(offset, int):
        return f"not valid YAML: {error}".splitlines()[0], 0, 0, None
    found = next(
        (i for i, char in enumerate(text) if ord(char) < 32 and char not in "\t\n\r"), None
    )
    offset = min(offset, len(text)) if found is None else found
    before = text[:offset]
    line = before.count("\n")
    column = offset - (before.rfind("\n") + 1)
    return "a control character, which YAML does not allow", line, column, "remove it"
