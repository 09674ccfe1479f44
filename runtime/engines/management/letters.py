"""Letters: the dead letters of an application's queues, by their cause."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, convert

from runtime.engines.queue import dead_letter as names
from runtime.engines.queue.message import Message
from runtime.units import format_time, parse_time

if TYPE_CHECKING:
    from runtime.engines.management.source import Source
    from runtime.engines.queue.queue import Queue

MOST = 200
"""Letters of a queue that are looked at, the oldest."""
_FRAME = re.compile(
    r'^  File "(?P<file>[^"\n]+)", line (?P<line>\d{1,7}), in (?P<function>.+)$'
    r"(?:\n    (?P<code>\S.*)$)?",
    re.M,
)
_BEGIN = "Traceback (most recent call last):"
_AROUND = 2
_LARGEST = 1_000_000
"""Bytes of a source file that is read."""


class Frame(Struct, frozen=True):
    """One call of a traceback."""

    file: str
    """Relative to the application's folder, if it is in it."""
    line: int
    function: str
    own: bool
    """True for the application's own code."""
    code: str = ""
    """The line as it was at the failure, without its indentation; empty if it is not known."""

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


class Letter(Struct, frozen=True):
    """A dead letter without its body."""

    id: str
    queue: str
    """The queue where it died."""
    reason: str
    """`attempts`, `rejected`, `invalid` or `crashed`."""
    error: str
    """`TypeError: unsupported operand …`."""
    attempts: int
    published: str
    """ISO 8601, in UTC, as `died`; empty for one of another system, which does not tell."""
    died: str
    size: int
    requeues: int = 0
    headers: tuple[str, ...] = ()
    """The names of the message's own headers."""
    frames: tuple[Frame, ...] = ()
    """The calls that led to the error, the innermost last."""

    @property
    def type(self) -> str:
        """The error's class."""
        return self.error.partition(":")[0]

    @property
    def own(self) -> Frame | None:
        """The innermost call in the application's own code."""
        return next((frame for frame in reversed(self.frames) if frame.own), None)


class Excerpt(Struct, frozen=True):
    """Lines of a file as it is now, around one that failed."""

    first: int = 1
    """The number of the first one."""
    lines: tuple[str, ...] = ()
    changed: bool = False
    """True if the line is another one than at the failure, or may be if its text is not known."""


class Group(Struct, frozen=True):
    """Letters of one queue that died of the same error at the same place."""

    key: str
    letters: tuple[Letter, ...]
    """The newest first."""

    @property
    def newest(self) -> Letter:
        return self.letters[0]

    @property
    def cause(self) -> str:
        """`TypeError@process_task.py:22`."""
        first = self.newest
        return f"{first.type}@{first.own.place}" if first.own else first.type


async def letters(queues: Iterable[Queue], folder: Path, limit: int = MOST) -> list[Letter]:
    """The dead letters of queues, on their event loop. Raises what their drivers do."""
    found = []
    for queue in queues:
        for message in await queue.dead_letters(limit):
            found.append(letter(message, queue.id, folder))
    return found


async def found_groups(source: Source, queue: str = "", limit: int = MOST) -> list[Group]:
    """The dead letters of one queue, or of each, by their causes, from any thread.

    Raises Refused and LoopBlocked.
    """
    found = await source.ask("dead.letters", queue=queue, limit=limit)
    return groups(convert(found, list[Letter]))


def letter(message: Message, queue: str, folder: Path) -> Letter:
    """A dead letter as it is told."""
    headers = message.headers
    attempts = headers.get(names.ATTEMPTS, "0")
    return Letter(
        id=message.id,
        queue=queue,
        reason=headers.get(names.REASON, ""),
        error=headers.get(names.ERROR, ""),
        attempts=int(attempts) if attempts.isdecimal() and len(attempts) < 10 else 0,
        published=format_time(message.published) if message.published else "",
        died=_died(headers.get(names.TIME, "")),
        size=len(message.body),
        requeues=names.requeues(headers),
        headers=tuple(sorted(name for name in headers if name not in names.HEADERS)),
        frames=frames(headers.get(names.TRACEBACK, ""), folder),
    )


def frames(traceback: str, folder: Path) -> tuple[Frame, ...]:
    """The calls of the last error of a traceback, which may be cut off at its beginning."""
    last = traceback.rpartition(_BEGIN)[2]
    found = []
    for match in _FRAME.finditer(last):
        path = Path(match["file"])
        own = path.is_relative_to(folder) and "site-packages" not in path.parts
        shown = str(path.relative_to(folder)) if own else _short(path)
        code = (match["code"] or "").strip()
        found.append(Frame(shown, int(match["line"]), match["function"], own, code))
    return tuple(found)


def groups(letters: Sequence[Letter]) -> list[Group]:
    """The letters by queue, reason, error and place; the newest group first."""
    by_cause: dict[tuple[str, ...], list[Letter]] = {}
    for each in sorted(letters, key=lambda letter: letter.died, reverse=True):
        place = each.own.place if each.own else ""
        cause = (each.queue, each.reason, each.type, place or each.error)
        by_cause.setdefault(cause, []).append(each)
    return [
        Group(sha256("\0".join(cause).encode()).hexdigest()[:12], tuple(found))
        for cause, found in by_cause.items()
    ]


def causes(letters: Sequence[Letter]) -> Mapping[str, str]:
    """Of each queue, the cause of most of its letters; of several, the one that came last."""
    found: dict[str, Group] = {}
    for group in groups(letters):
        known = found.get(group.newest.queue)
        if known is None or len(group.letters) > len(known.letters):
            found[group.newest.queue] = group
    return {queue: group.cause for queue, group in found.items()}


def excerpt(frame: Frame, died: str, folder: Path) -> Excerpt:
    """The lines around a frame of the application's own code; `died` is the time of its letter.

    No lines if the file is gone, too large, or not below the folder.
    """
    path = (folder / frame.file).resolve()
    if not frame.own or not path.is_relative_to(folder.resolve()) or path.suffix != ".py":
        return Excerpt()
    try:
        status = path.stat()
        if status.st_size > _LARGEST:
            return Excerpt()
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return Excerpt()
    first = max(1, frame.line - _AROUND)
    if frame.code:
        changed = [each.strip() for each in lines[frame.line - 1 : frame.line]] != [frame.code]
    else:
        changed = status.st_mtime > time_of_death(died)
    return Excerpt(first, tuple(lines[first - 1 : frame.line + _AROUND]), changed)


def time_of_death(died: str) -> float:
    """The `died` of a letter in seconds since 1970; one that cannot be read is before all."""
    try:
        return parse_time(died)
    except ValueError:
        return 0.0


def _died(text: str) -> str:
    """The time of a header, written as all others are, if it is one."""
    try:
        return format_time(parse_time(text))
    except ValueError:
        return text


def _short(path: Path) -> str:
    """The end of a path of somebody else's code: from its package on."""
    for marker in ("site-packages", "runtime"):
        if marker in path.parts:
            at = len(path.parts) - 1 - path.parts[::-1].index(marker)
            return "/".join(path.parts[at + (marker == "site-packages") :])
    return path.name
