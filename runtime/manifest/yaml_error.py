"""YAML error: why a text is no YAML, in the words of somebody who wrote it."""

from __future__ import annotations

from typing import Any

import yaml

from runtime.manifest.fast import MAX_DEPTH

Fault = tuple[str, int, int, str | None]
"""What is wrong, its line and column counted from zero, and the mend."""

_ALIGN = "let it begin exactly below its neighbours"
_COLON = "quote a text that contains ': ', or mend the indentation"
_CLOSE = "look at the quotes and brackets of this line"


def explain(error: yaml.YAMLError, text: str) -> Fault:
    """The fault that PyYAML's error stands for."""
    if isinstance(error, yaml.MarkedYAMLError):
        return _syntax(error, text)
    return _forbidden_character(error, text)


def _syntax(error: yaml.MarkedYAMLError, text: str) -> Fault:
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark or error.context_mark
    opened = error.context_mark or mark
    if "nesting depth" in problem:  # libyaml reads ahead, and since 0.2.6 stops at a thousand
        return f"nested deeper than {MAX_DEPTH}", *_place(mark), None
    if "found unexpected end of stream" in problem and "quoted" in context:
        return "a quote that is never closed", *_place(opened), None
    if "flow" in context and opened is not None:
        hint = "look for a missing ',' or for the end of the bracket"
        return "a bracket that is never closed", *_place(opened), hint
    line, column = _place(mark)
    if "cannot start any token" in problem:
        return _no_token(text, line, column)
    if "mapping values are not allowed" in problem:
        return "a ':' where no key can stand", line, column, _COLON
    if "did not find expected" in problem and "scanning" not in context and "tag" not in context:
        indented = not _line(text, line)[:column].strip() and _line(text, line)[column] not in "]}"
        message = "this fits nothing above it" if indented else "this fits nothing before it"
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
    lines = text.splitlines()
    return f"{lines[line]} " if line < len(lines) else " "


def _place(mark: Any) -> tuple[int, int]:
    return (mark.line, mark.column) if mark is not None else (0, 0)


def _forbidden_character(error: yaml.YAMLError, text: str) -> Fault:
    """A character that YAML forbids: PyYAML tells only its offset, in bytes."""
    position = getattr(error, "position", None)
    if not isinstance(position, int):
        return f"not valid YAML: {error}".splitlines()[0], 0, 0, None
    found = (i for i, char in enumerate(text) if ord(char) < 32 and char not in "\t\n\r")
    offset = next(found, None)
    if offset is None:
        offset = len(text.encode()[:position].decode(errors="ignore"))
    before = text[:offset]
    column = offset - (before.rfind("\n") + 1)
    return "a character that YAML does not allow", before.count("\n"), column, "remove it"
