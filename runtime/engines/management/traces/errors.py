"""Errors: what went wrong, grouped by the type of the exception and the place where it was raised.

They are taken from the log: whatever fails is told there, with its traceback, by the runtime or by
a handler.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from runtime.handlers.place import fault_of
from runtime.log.log import text_of

MOST_GROUPS = 200
"""Groups that are remembered; the one that is quiet for the longest time goes first."""
LONGEST_TEXT = 500
_SERIOUS = frozenset({"warning", "error", "critical"})
_IDS = ("request_id", "message_id", "trace_id")


class ErrorGroup(Struct, frozen=True):
    """All errors of one type that were raised at one place."""

    type: str
    place: str
    """`file:line` in the application's code; empty if it was raised elsewhere."""
    text: str
    """That of the last one, as the exception has it."""
    entry: str
    """That of the last one; empty if it happened outside of any."""
    count: int
    first: str
    """ISO 8601, in UTC."""
    last: str
    level: str = "error"
    request_id: str | None = None
    message_id: str | None = None
    trace_id: str | None = None
    """Of the last one that had such an id."""
    worker: int | None = None
    """That of the last one, if there are several."""


class Errors:
    """The groups of a program, or of a parent and its workers. Of any thread."""

    def __init__(self, redact: Callable[[str], str], folder: str = "") -> None:
        self._folder = folder
        self._redact = redact
        self._groups: dict[tuple[str, str, str], ErrorGroup] = {}
        self._untold: dict[tuple[str, str, str], ErrorGroup] = {}
        # Of one thread again: what it frees may log as well.
        self._lock = RLock()

    def tap(self, event: Mapping[str, Any], error: BaseException | None) -> None:
        """Take the error of a line of the log, if it has one. See `Log.taps`."""
        if error is None or event["level"] not in _SERIOUS:
            return
        entry = str(event.get("entry", ""))
        ids: dict[str, Any] = {
            name: str(event[name]) for name in _IDS if event.get(name) is not None
        }
        self._add(
            ErrorGroup(
                type(error).__qualname__,
                fault_of(error, self._folder),
                self._redact(text_of(error, str))[:LONGEST_TEXT],
                entry,
                1,
                event["time"],
                event["time"],
                event["level"],
                **ids,
            )
        )

    def groups(self, since: str = "") -> list[ErrorGroup]:
        """Those that happened since a time, ISO 8601 in UTC; the newest first."""
        with self._lock:
            found = [each for each in self._groups.values() if each.last >= since]
        return sorted(found, key=lambda each: each.last, reverse=True)

    def take(self) -> list[ErrorGroup]:
        """Those that the parent has not been told, with the counts since the last time."""
        with self._lock:
            untold, self._untold = self._untold, {}
        return [*untold.values()]

    def merge(self, told: list[ErrorGroup], worker: int | None = None) -> None:
        """Add those of a worker."""
        for each in told:
            self._add(replace(each, worker=worker))

    def _add(self, group: ErrorGroup) -> None:
        # Without a place of its own, errors of different entries have nothing in common.
        key = (group.type, group.place, "" if group.place else group.entry)
        with self._lock:
            _put(self._groups, key, group)
            _put(self._untold, key, group)


def _put(
    groups: dict[tuple[str, str, str], ErrorGroup],
    key: tuple[str, str, str],
    new: ErrorGroup,
) -> None:
    old = groups.pop(key, None)
    if old is not None:
        new = replace(
            new,
            count=old.count + new.count,
            first=min(old.first, new.first),
            last=max(old.last, new.last),
            **{name: getattr(new, name) or getattr(old, name) for name in _IDS},
        )
    elif len(groups) >= MOST_GROUPS:
        del groups[next(iter(groups))]
    groups[key] = new
