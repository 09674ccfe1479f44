"""Letter: a dead letter, as a test looks at it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from runtime.codec import decode_or_text
from runtime.engines.queue import dead_letter as names
from runtime.engines.queue.message import Message
from runtime.findings.display import display_path

_FRAME = re.compile(r'^  File "(?P<file>.+)", line (?P<line>\d+), in ', re.MULTILINE)


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is not delivered again."""

    id: str
    body: Any
    """The JSON value; text if it is not JSON."""
    headers: Mapping[str, str]
    """Those that it was published with."""
    reason: str
    """`attempts`, `rejected`, `invalid` or `crashed`."""
    error: str
    """The type and the text of the last error: `TypeError: no number`."""
    place: str
    """The line that raised it, from the folder of the manifest: `process_task.py:22`. Empty if
    nothing was raised."""
    traceback: str
    attempts: int
    """The number of deliveries."""


def letter_of(message: Message, folders: Iterable[Path]) -> Letter:
    """The dead letter that a queue has as `message`. `folders` are those of the manifests."""
    headers = message.headers
    traceback = headers.get(names.TRACEBACK, "")
    attempts = headers.get(names.ATTEMPTS, "")
    return Letter(
        id=message.id,
        body=decode_or_text(message.body),
        headers={name: text for name, text in headers.items() if name not in names.HEADERS},
        reason=headers.get(names.REASON, ""),
        error=headers.get(names.ERROR, ""),
        place=place_in(traceback, folders),
        traceback=traceback,
        attempts=int(attempts) if attempts.isdecimal() else 0,
    )


def place_in(traceback: str, folders: Iterable[Path]) -> str:
    """`file:line` of the innermost frame below one of the folders, else of the innermost one."""
    frames = [(Path(match["file"]), match["line"]) for match in _FRAME.finditer(traceback)]
    nearest = sorted(folders, key=lambda folder: len(folder.parts), reverse=True)
    for file, line in reversed(frames):
        for folder in nearest:
            if file.is_relative_to(folder):
                return f"{file.relative_to(folder).as_posix()}:{line}"
    return f"{display_path(str(frames[-1][0]))}:{frames[-1][1]}" if frames else ""
