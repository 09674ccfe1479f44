"""Places: lines and columns as the editor counts them, and the names by which it knows files."""

from __future__ import annotations

import os
import re
from pathlib import Path

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path

from runtime.cli.editor.cursor import Cursor
from runtime.cli.excerpt import width_of
from runtime.findings.finding import Position
from runtime.manifest.document import MAX_BYTES
from runtime.manifest.text_file import Unreadable, read_text
from runtime.manifest.yaml12 import lines

_HALVES = re.compile("[\ud800-\udfff]")


class Places:
    """Columns here are characters; an editor may count them in units of UTF-16 or UTF-8."""

    def __init__(self, server: LanguageServer) -> None:
        self._server = server
        self._uris: dict[str, str] = {}
        """By real paths, for an editor may open a file by a link."""

    def open(self, uri: str, path: str) -> str:
        """Note the name of a file that the editor has opened. Returns its text."""
        self._uris[os.path.realpath(path)] = uri
        return self._text(uri)

    def forget(self, path: str) -> None:
        self._uris.pop(os.path.realpath(path), None)

    def uri(self, file: str) -> str:
        real = os.path.realpath(file)
        return self._uris.get(real) or from_fs_path(real) or Path(real).as_uri()

    def from_client(self, text: str, position: lsp.Position) -> lsp.Position:
        codec = self._server.workspace.position_codec
        place = codec.position_from_client_units(lines(text), position)
        return lsp.Position(place.line, place.character)

    def word(self, uri: str, cursor: Cursor) -> lsp.Range:
        """The range of the word at a cursor."""
        text = self._text(uri)
        return self._range(lines(text), cursor.line, cursor.start, cursor.end)

    def location(self, position: Position) -> lsp.Location:
        return lsp.Location(self.uri(position.file), self.range(position))

    def range(self, position: Position) -> lsp.Range:
        """The key, value or name that a finding is at."""
        rows = self._rows(position.file)
        line, column = max(position.line - 1, 0), max(position.column - 1, 0)
        row = rows[line] if line < len(rows) else ""
        is_python = position.file.endswith(".py")
        width = width_of(row[:column], row[column:], is_python)
        return self._range(rows, line, column, column + width)

    def _text(self, uri: str) -> str:
        """The text of an open file; half of a character of two, which no file can have, is `�`."""
        text = self._server.workspace.get_text_document(uri).source.removeprefix("\ufeff")
        return _HALVES.sub("\ufffd", text)

    def _rows(self, file: str) -> list[str]:
        if uri := self._uris.get(os.path.realpath(file)):
            return lines(self._text(uri))
        try:
            return lines(read_text(Path(file), MAX_BYTES))
        except Unreadable:
            return []

    def _range(self, rows: list[str], line: int, start: int, end: int) -> lsp.Range:
        row = rows[line] if line < len(rows) else ""
        units = self._server.workspace.position_codec.client_num_units
        return lsp.Range(
            lsp.Position(line, units(row[:start])), lsp.Position(line, units(row[:end]))
        )
