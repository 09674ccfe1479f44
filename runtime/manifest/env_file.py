"""EnvFile: the `NAME=value` lines of an `--env-file`.

The dialect is the common part of those of Compose, python-dotenv and systemd; what they read
differently is refused. No message has any part of a value.
"""

from __future__ import annotations

import re
from pathlib import Path

from runtime.findings.display import display_path
from runtime.findings.finding import Finding, ManifestError, Position
from runtime.manifest.text_file import read_text

MAX_BYTES = 1024 * 1024
MAX_FAULTS = 20
"""Reading stops at this number."""

_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*")
_PLAIN = re.compile(r"(?:(?![ \t]#)[^\n])*")
_QUOTED = {
    "'": re.compile(r"'([^']*)'"),
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL),
}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "'": "'", "$": "$", "`": "`"}
_REST = re.compile(r"[ \t]*(?:[ \t]#[^\n]*)?(?=\n|\Z)")
_BLANK = re.compile(r"[ \t]*(?:#[^\n]*)?(?=\n|\Z)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_EXPANSION = re.compile(r"(?<!\\)\$\{[A-Za-z_]")


def read_env_file(path: Path) -> dict[str, str]:
    """Read the variables of a file.

    Raises ManifestError with a finding for each faulty line, and Unreadable.
    """
    name = display_path(path)
    text = read_text(path, MAX_BYTES).replace("\r\n", "\n")
    reading = _Reading(text, name)
    reading.run()
    if reading.findings:
        raise ManifestError(reading.findings)
    return reading.variables


class _Reading:
    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self.offset = 0
        self.variables: dict[str, str] = {}
        self.offsets: dict[str, int] = {}
        """Offset of each name in the text."""
        self.findings: list[Finding] = []

    def run(self) -> None:
        for control in _CONTROL.finditer(self.text):
            self._report(control.start(), f"a control character (\\x{ord(control[0]):02x})")
            return
        while self.offset < len(self.text) and len(self.findings) < MAX_FAULTS:
            if blank := _BLANK.match(self.text, self.offset):
                self.offset = blank.end()
            else:
                self._line()
            self.offset += 1  # the line break

    def _line(self) -> None:
        start = self.offset
        match = _NAME.match(self.text, start)
        if match is None:
            self._report(start, "not a line of the form NAME=value")
            self._skip()
            return
        name, self.offset = match[1], match.end()
        value = self._value(name)
        if value is None:
            return
        if name in self.variables:
            first = self._position(self.offsets[name])
            message = f"'{name}' stands here twice; the first is at {first}"
            self._report(match.start(1), message, "remove one of them")
            return
        self.variables[name] = value
        self.offsets[name] = match.start(1)

    def _value(self, name: str) -> str | None:
        """Read the value of `name`, and the rest of its line; None if it is faulty."""
        start = self.offset
        quote = self.text[start : start + 1]
        if quote not in _QUOTED:
            match = _PLAIN.match(self.text, start)
            assert match is not None
            self.offset = match.end()
            self._skip()
            commented = match[0].startswith("#") and self.text[start - 1] in " \t"
            value = "" if commented else match[0].rstrip(" \t")
            return value if self._is_literal(name, value, start) else None
        match = _QUOTED[quote].match(self.text, start)
        if match is None:
            self._report(start, f"the value of '{name}' has a quote that is never closed")
            self._skip()
            return None
        self.offset = match.end()
        rest = _REST.match(self.text, self.offset)
        if rest is None:
            message = f"text after the closing quote of '{name}'"
            self._report(self.offset, message, "only a comment may follow: a space, then #")
            self._skip()
            return None
        self.offset = rest.end()
        if quote == "'":
            return match[1]
        return self._unescape(name, match) if self._is_literal(name, match[1], start) else None

    def _unescape(self, name: str, match: re.Match[str]) -> str | None:
        for escape in _ESCAPE.finditer(match[1]):
            if escape[1] not in _ESCAPES:
                message = f"the value of '{name}' has an unknown escape"
                hint = "write \\\\ for a backslash, or use single quotes"
                self._report(match.start(1) + escape.start(), message, hint)
                return None
        return _ESCAPE.sub(lambda escape: _ESCAPES[escape[1]], match[1])

    def _is_literal(self, name: str, value: str, start: int) -> bool:
        """Report a `${NAME}`, which other readers of such files expand."""
        if _EXPANSION.search(value) is None:
            return True
        message = f"the value of '{name}' has a ${{…}}, which is not expanded here"
        self._report(start, message, "write the value out, or use single quotes to mean it so")
        return False

    def _skip(self) -> None:
        end = self.text.find("\n", self.offset)
        self.offset = len(self.text) if end < 0 else end

    def _position(self, offset: int) -> Position:
        before = self.text[:offset]
        return Position(self.name, before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)

    def _report(self, offset: int, message: str, hint: str | None = None) -> None:
        self.findings.append(Finding(self._position(offset), message, hint))
