"""List edit: a list in the text of a YAML file, changed in place so that all around it stays."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from runtime.findings.finding import Path, Position
from runtime.manifest.document import parse
from runtime.manifest.entry import value_at
from runtime.manifest.yaml12 import disguise


class NotEditable(Exception):
    """The text cannot be changed with certainty. The text of the error says why."""


class _Item(NamedTuple):
    """One item: its value, and the offsets at which it begins and ends."""

    value: str
    start: int
    end: int


class _Edit(NamedTuple):
    """A part of the text, and what takes its place."""

    start: int
    end: int
    text: str


class _List(NamedTuple):
    """A list of texts: whether it is in brackets, its offsets and its items."""

    flow: bool
    start: int
    end: int
    items: list[_Item]


def edit_list(text: str, path: Path, items: Sequence[str]) -> str:
    """Return the text of a YAML file with the list of texts at `path` changed to hold these items.

    Items that stay keep their place, quotes and comments. New ones take the places of those that
    go, or follow at the end. Raises NotEditable, also if the text has any fault.
    """
    document, findings = parse(text, "", "")
    if document is None or findings:
        raise NotEditable("the file has other faults; mend them first")
    at, key = document.at(path), document.key_at(path)
    found = _find(text, at.line - 1, at.column - 1)
    edited = _apply(text, [*_edits(text, found, items, _offset(text, key))])
    after, findings = parse(edited, "", "")
    if after is None or findings or not _is_changed(document.data, after.data, path, items):
        raise NotEditable("the list is written in an unusual way; change it by hand")
    return edited


def _is_changed(before: Any, after: Any, path: Path, items: Sequence[str]) -> bool:
    """True if the list is as it should be, and all else as it was."""
    try:
        now = value_at(after, path)
        value_at(before, path[:-1])[path[-1]] = now
    except (LookupError, TypeError):
        return False
    is_list = isinstance(now, list) and all(isinstance(item, str) for item in now)
    return is_list and sorted(now) == sorted(items) and before == after


def _find(text: str, line: int, column: int) -> _List:
    """The list of texts that begins at a position, counted from zero."""
    parser: Any = CParser(disguise(text)[0])
    found: _List | None = None
    while True:
        event = parser.get_event()
        kind = type(event)
        if kind is yaml.StreamEndEvent:
            raise NotEditable("the list is not where it was; run it again")
        mark = event.start_mark
        if found is None:
            if kind is yaml.SequenceStartEvent and (mark.line, mark.column) == (line, column):
                found = _List(bool(event.flow_style), mark.index, mark.index, [])
        elif kind is yaml.ScalarEvent:
            found.items.append(_Item(event.value, mark.index, event.end_mark.index))
        elif kind is yaml.SequenceEndEvent:
            return found._replace(end=event.end_mark.index)
        else:
            raise NotEditable("the list holds more than texts")


def _edits(text: str, found: _List, items: Sequence[str], key: int) -> Iterator[_Edit]:
    """The changes of the text; `key` is the offset of the key that the list stands under."""
    wanted = set(items)
    present = {item.value for item in found.items}
    added = [name for name in items if name not in present]
    gone = [item for item in found.items if item.value not in wanted]
    for item, name in zip(gone, added, strict=False):
        yield _Edit(item.start, item.end, name)
    gone, added = gone[len(added) :], added[len(gone) :]
    left = [item for item in found.items if item not in gone]
    if not left and found.flow:
        yield _Edit(found.start, found.end, f"[{', '.join(added)}]")
        return
    if not left:
        yield _Edit(*_empty(text, key), " []")
    for item in gone:
        yield _removal(text, found, left, item)
    if added:
        yield from _additions(text, found, left[-1], added)


def _removal(text: str, found: _List, left: Sequence[_Item], item: _Item) -> _Edit:
    if _has_own_line(text, found, item):
        return _Edit(_line_start(text, item.start), _after_line(text, item.end), "")
    later = [other.start for other in found.items if other.start > item.start]
    if later:
        return _Edit(item.start, later[0], "")
    before = [other.end for other in found.items if other.end < item.start]
    return _Edit(before[-1], item.end, "")


def _additions(text: str, found: _List, last: _Item, added: Sequence[str]) -> Iterator[_Edit]:
    if not _has_own_line(text, found, last):
        yield _Edit(last.end, last.end, "".join(f", {name}" for name in added))
        return
    start, end = _line_start(text, last.start), _line_end(text, last.end)
    separator = "," if found.flow else ""
    behind = text[last.end : end]
    comma = "," if found.flow and behind.lstrip().startswith(",") else ""
    before = f"{_newline(text)}{text[start : last.start]}"
    lines = before + f"{separator}{before}".join(added) + comma
    yield _Edit(last.end, end, (separator if not comma else "") + behind + lines)


def _has_own_line(text: str, found: _List, item: _Item) -> bool:
    before = text[_line_start(text, item.start) : item.start]
    after = text[item.end : _line_end(text, item.end)]
    lead = r"\s*" if found.flow else r"\s*-\s+"
    return bool(re.fullmatch(lead, before) and re.fullmatch(r"\s*,?\s*(?:#.*)?", after))


def _empty(text: str, key: int) -> tuple[int, int]:
    """The place behind the colon of a key."""
    match = re.compile(r"""(?:"[^"]*"|'[^']*'|[^\s:]+)\s*:""").match(text, key)
    if match is None:
        raise NotEditable("the key is written in an unusual way; change it by hand")
    return match.end(), match.end()


def _offset(text: str, position: Position) -> int:
    offset = 0
    for _ in range(position.line - 1):
        offset = _after_line(text, offset)
    return offset + position.column - 1


_BREAK = re.compile(r"\r\n|\n|\r|\Z")


def _line_start(text: str, offset: int) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def _line_end(text: str, offset: int) -> int:
    """The offset of the line break."""
    match = _BREAK.search(text, offset)
    return match.start() if match else len(text)


def _after_line(text: str, offset: int) -> int:
    match = _BREAK.search(text, offset)
    return match.end() if match else len(text)


def _newline(text: str) -> str:
    match = _BREAK.search(text)
    return (match[0] if match else "") or "\n"


def _apply(text: str, edits: list[_Edit]) -> str:
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text
