"""Multipart: the body of a form with files, as a browser sends it (RFC 7578)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

File = bytes | str | tuple[str, bytes | str] | tuple[str, bytes | str, str]
"""The content of a file, or its name and content, and perhaps its content type."""


def encode(fields: Mapping[str, Any], files: Mapping[str, File]) -> tuple[str, bytes]:
    """The content type and the body of a form."""
    boundary = secrets.token_hex(16)
    parts: list[bytes] = []
    for name, value in pairs(fields):
        parts.append(_part(boundary, name, "", "", value.encode()))
    for name, file in files.items():
        filename, content, *kind = file if isinstance(file, tuple) else (name, file)
        data = content.encode() if isinstance(content, str) else content
        parts.append(
            _part(boundary, name, filename, kind[0] if kind else "application/octet-stream", data)
        )
    return f"multipart/form-data; boundary={boundary}", b"".join(parts) + _end(boundary)


def pairs(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The names and texts of fields; a list gives one for each of its items."""
    for name, value in fields.items():
        several = isinstance(value, Sequence) and not isinstance(value, str | bytes)
        for each in value if several else (value,):
            yield name, each.decode() if isinstance(each, bytes) else _text(each)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _part(boundary: str, name: str, filename: str, kind: str, data: bytes) -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'
    head += f'; filename="{_quoted(filename)}"\r\nContent-Type: {kind}' if filename else ""
    return head.encode() + b"\r\n\r\n" + data + b"\r\n"


def _end(boundary: str) -> bytes:
    return f"--{boundary}--\r\n".encode()


def _quoted(text: str) -> str:
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
