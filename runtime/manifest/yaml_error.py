"""YAML error: syntax errors of PyYAML in the words of people who write manifests."""

from __future__ import annotations

from typing import Any

import yaml

from runtime.manifest.fast import MAX_DEPTH
from runtime.manifest.yaml12 import lines

Fault = tuple[str, int, int, str | None]
"""Message, line and column (both from zero), and hint."""

_ALIGN = "align it with the lines it belongs to"
_COLON = "quote a text that contains ': ', or fix the indentation"
_CLOSE = "check the quotes and brackets of this line"


def explain(error: yaml.YAMLError, text: str) -> Fault:
    """Translate an error of PyYAML."""
    if isinstance(error, yaml.MarkedYAMLError):
        return _syntax(error, text)
    return _forbidden_character(error, text)


def _syntax(error: yaml.MarkedYAMLError, text: str) -> Fault:
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark or error.context_mark
    opened = error.context_mark or mark
    if "nesting depth" in problem:  # libyaml reads ahead, and stops at 1,000 since 0.2.6
        return f"nested deeper than {MAX_DEPTH}", *_place(mark), None
    if "found unexpected end of stream" in problem and "quoted" in context:
        return "a quote that is never closed", *_place(opened), None
    if "flow" in context and opened is not None:
        hint = "check for a missing ',' or closing bracket"
        return "a bracket that is never closed", *_place(opened), hint
    line, column = _place(mark)
    if "cannot start any token" in problem:
        return _no_token(text, line, column)
    if "unexpected ':'" in problem:
        hint = "write a space behind it, or quote the text"
        return "a ':' directly before a comma or bracket", line, column, hint
    if "mapping values are not allowed" in problem:
        return "a ':' where no key is allowed", line, column, _COLON
    if "did not find expected" in problem and "scanning" not in context and "tag" not in context:
        indented = not _line(text, line)[:column].strip() and _line(text, line)[column] not in "]}"
        message = "the indentation matches nothing above" if indented else "unexpected text"
        return message, line, column, _ALIGN if indented else _CLOSE
    if "could not find expected ':'" in problem:
        start = _place(opened)
        return "a line without a ':'", *start, "write 'field: value', or quote a longer text"
    detail = f"{problem} {context}".strip() or "unreadable"
    return f"not valid YAML: {detail}", line, column, None


def _no_token(text: str, line: int, column: int) -> Fault:
    here = _line(text, line)
    if "\t" in here[: column + 1]:
        return "a tab in the indentation", line, column, "indent with spaces"
    found = here[column : column + 1]
    return f"a text cannot begin with '{found}'", line, column, "quote it"


def _line(text: str, line: int) -> str:
    found = lines(text)
    return f"{found[line]} " if line < len(found) else " "


def _place(mark: Any) -> tuple[int, int]:
    return (mark.line, mark.column) if mark is not None else (0, 0)


def _forbidden_character(error: yaml.YAMLError, text: str) -> Fault:
    """Locate a character that YAML forbids: PyYAML gives only its offset, in bytes."""
    position = getattr(error, "position", None)
    if not isinstance(position, int):
        return f"not valid YAML: {error}".splitlines()[0], 0, 0, None
    found = (i for i, char in enumerate(text) if ord(char) < 32 and char not in "\t\n\r")
    offset = next(found, None)
    if offset is None:
        offset = len(text.encode()[:position].decode(errors="ignore"))
    before = lines(text[:offset])
    message = "a character that YAML does not allow"
    return message, len(before) - 1, len(before[-1]), "remove it"
