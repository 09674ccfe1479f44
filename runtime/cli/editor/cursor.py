"""Cursor: the place in a manifest where an editor's cursor stands, also while that is half typed.

The word at the cursor is replaced by a mark, and the text is parsed by the reader of manifests; so
block and flow style are read alike. If the text cannot be parsed, what follows the cursor is left
out, and then what precedes its entry too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from runtime.findings.finding import Path
from runtime.manifest.document import parse
from runtime.manifest.yaml12 import lines

_MARK = "cursor\ue0ffhere"
_WORD = re.compile(r"[^\s\[\]{},'\"]*")
_WORD_BEFORE = re.compile(r"[^\s\[\]{},'\"]*$")
_IN_VALUE = re.compile(r":\s+['\"]?$")
_NAMESPACE = re.compile(r"^namespace:.*$", re.MULTILINE)
_ENTRY = re.compile(r"( *)- ")
_CLOSING = {"{": "}", "[": "]"}


class Cursor(msgspec.Struct, frozen=True):
    """A place in a manifest; lines and columns count from zero, in characters."""

    path: Path
    """Path in the document: of the value at the cursor, or of the mapping whose key is there."""
    is_key: bool
    word: str
    """The whole word at the cursor: a key, or a plain value."""
    line: int
    start: int
    """Column of the word."""
    has_colon: bool
    """True if a colon follows, so that it is a key that stands there already."""
    data: Any
    """The document, with an empty text or key for the word."""

    @property
    def end(self) -> int:
        return self.start + len(self.word)

    @property
    def namespace(self) -> str:
        found = self.data.get("namespace") if isinstance(self.data, dict) else None
        return found if isinstance(found, str) else ""

    @property
    def fields(self) -> dict[str, Any] | None:
        """The fields of the entry around the cursor, if it is in one."""
        if len(self.path) < 2 or self.path[0] != "entries":
            return None
        entry = self.data["entries"][self.path[1]]
        return entry if isinstance(entry, dict) else {}

    @property
    def inside(self) -> Path:
        """The path within the entry."""
        return self.path[2:]


def cursor_at(text: str, line: int, column: int) -> Cursor | None:
    """Find the place; None in a comment and where no key or value can be told."""
    rows = lines(text)
    row = rows[line] if line < len(rows) else ""
    found = _WORD_BEFORE.search(row[:column])
    start = found.start() if found else column
    after = _WORD.match(row, column)
    word = row[start : after.end() if after else column]
    in_value = _IN_VALUE.search(row[:start]) is not None
    if word.endswith(":") and not in_value:
        word = word[:-1]
    if column > start + len(word) or "#" in (row[:start].lstrip()[:1], word[:1]):
        return None
    head, tail = row[:start], row[start + len(word) :]
    has_colon = tail.startswith(":") and not in_value
    forms = [_MARK] if in_value or has_colon else [f"{_MARK}: ", _MARK]
    for form in forms:
        for attempt in _attempts(rows, line, head, form, tail):
            document, _ = parse(attempt, "", "")
            place = None if document is None else _find(document.data, ())
            if document is not None and place is not None:
                path, is_key = place
                data = _without_mark(document.data, word)
                return Cursor(path, is_key, word, line, start, has_colon, data)
    return None


def _attempts(rows: list[str], line: int, head: str, form: str, tail: str) -> Iterator[str]:
    """The whole text, the text up to the cursor, and its entry up to the cursor."""
    yield "\n".join([*rows[:line], head + form + tail, *rows[line + 1 :]])
    closed = head + form + (tail if tail.startswith(":") else "") + _closing(head)
    yield "\n".join([*rows[:line], closed])
    namespace = _NAMESPACE.search("\n".join(rows))
    begin = _entry_above([*rows[:line], head])
    if begin is not None:
        top = [namespace[0] if namespace else "", "entries:"]
        yield "\n".join([*top, *rows[begin:line], closed])


def _entry_above(rows: list[str]) -> int | None:
    """The line at which the entry begins that the last line belongs to."""
    first = next((match for row in rows if (match := _ENTRY.match(row))), None)
    if first is None:
        return None
    start = f"{first[1]}- "
    return max(number for number, row in enumerate(rows) if row.startswith(start))


def _closing(head: str) -> str:
    """The quote and the brackets that a line leaves open."""
    waiting: list[str] = []
    quote = ""
    for char in head:
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in _CLOSING:
            waiting.append(_CLOSING[char])
        elif waiting and char == waiting[-1]:
            waiting.pop()
    return quote + "".join(reversed(waiting))


def _find(node: Any, path: Path) -> tuple[Path, bool] | None:
    """The path of the mark, and if it is a key."""
    if isinstance(node, str):
        return (path, False) if _MARK in node else None
    if isinstance(node, dict):
        if _MARK in node:
            return path, True
        children: Any = node.items()
    elif isinstance(node, list):
        children = enumerate(node)
    else:
        return None
    for step, child in children:
        if found := _find(child, (*path, step)):
            return found
    return None


def _without_mark(node: Any, word: str) -> Any:
    if isinstance(node, dict):
        return {key: _without_mark(value, word) for key, value in node.items() if key != _MARK}
    if isinstance(node, list):
        return [_without_mark(item, word) for item in node]
    return node.replace(_MARK, word) if isinstance(node, str) else node
