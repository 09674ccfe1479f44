"""Paths: of routes, as they are declared, and of requests, as they are sent."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_SEGMENT = re.compile(r"[^{}%?#\s\x00-\x1f\x7f]*")
PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(\.\.\.)?\}")
"""A parameter in a declared path: its name, and `...` if it matches all that follow."""


def decode_path(raw_path: bytes) -> tuple[str, list[str]]:
    """The path and its segments, decoded one by one: an escaped slash (`%2F`) separates nothing."""
    if b"%" not in raw_path:
        path = raw_path.decode()
        return path, path[1:].split("/")
    segments = [unquote_to_bytes(part).decode() for part in raw_path[1:].split(b"/")]
    return "/" + "/".join(segments), segments


def segments_of(path: str) -> list[str]:
    """The segments of a declared path. Raises ValueError if it is malformed."""
    if not path.startswith("/"):
        raise ValueError(f"path '{path}' does not begin with '/'; write '/{path}'")
    segments = path[1:].split("/")
    seen: set[str] = set()
    for index, segment in enumerate(segments):
        parameter = PARAMETER.fullmatch(segment)
        if parameter is None:
            if not _SEGMENT.fullmatch(segment):
                raise ValueError(f"segment '{segment}' of path '{path}' is malformed")
            continue
        if parameter[1] in seen:
            raise ValueError(f"path '{path}' has the parameter '{parameter[1]}' twice")
        if parameter[2] and index != len(segments) - 1:
            raise ValueError(f"'{segment}' is not the last segment of path '{path}'; move it there")
        seen.add(parameter[1])
    return segments


def shape(path: str) -> str:
    """A declared path with its parameters unnamed: two routes of one shape are the same route."""
    return PARAMETER.sub(lambda parameter: f"{{{parameter[2] or ''}}}", path)


def parameter_names(path: str) -> tuple[str, ...]:
    """The names of the parameters in a declared path."""
    return tuple(parameter[1] for parameter in PARAMETER.finditer(path))


def repeated_parameter(path: str) -> str | None:
    """The name of a parameter that occurs twice in a declared path, if there is one."""
    names = parameter_names(path)
    return next((name for name in names if names.count(name) > 1), None)


def normal_prefix(text: str) -> str:
    """`/api` for `/api`, `/api/` and `api`; empty for `/` and the empty text."""
    bare = text.strip("/")
    return f"/{bare}" if bare else ""
