"""LogLines: the last lines of the log, for those who look at an application from elsewhere."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

MOST = 1_000
"""Lines that are kept."""
MOST_OF_ENTRY = 20
"""Lines of each entry that are kept in any case, however much others write."""
MOST_ENTRIES = 100
LONGEST_MESSAGE = 1_000
LONGEST_DETAILS = 500
LONGEST_STACK = 2_000
LEVELS = ("debug", "info", "warning", "error", "critical")
_FIELDS = frozenset(
    ("time", "level", "logger", "worker", "entry", "message", "fields", "error", "stack")
) | {"trace_id"}
"""The names in an event that are no ids of what it is about."""


class LogLine(Struct, frozen=True, rename={"at": "time"}):
    """One line, each text of it cut at a length."""

    number: int
    """Ascending in the order of the lines; others may be missing in between."""
    at: str
    """ISO 8601, in UTC."""
    level: str
    """debug, info, warning, error or critical."""
    logger: str
    entry: str
    """Empty for lines that belong to no entry."""
    message: str
    details: str = ""
    """Fields and ids: `request_id=… path=/tasks`."""
    stack: str = ""
    """The traceback's end."""
    trace_id: str | None = None
    worker: int | None = None
    """If there are several."""


class LogLines:
    """A ring of lines, to which all threads that log append."""

    def __init__(self, redact: Callable[[str], str] = str) -> None:
        """`redact` takes secrets out of the values of fields, as the log itself does."""
        self.redact = redact
        self._numbers = itertools.count(1)
        self._all: deque[LogLine] = deque(maxlen=MOST)
        self._entries: dict[str, deque[LogLine]] = {}
        self._untold: deque[LogLine] | None = None

    def tap(self, event: Mapping[str, Any], error: BaseException | None) -> None:
        """Keep a line. See `Log.taps`."""
        details = [f"{name}={_text(value)}" for name, value in event.get("fields", {}).items()]
        details += [f"{name}={_text(event[name])}" for name in event if name not in _FIELDS]
        stack = event.get("stack") or (event["error"]["stack"] if error is not None else "")
        self._keep(
            LogLine(
                next(self._numbers),
                event["time"],
                event["level"],
                event["logger"],
                event.get("entry", ""),
                _cut(event["message"], LONGEST_MESSAGE),
                self.redact(_cut(" ".join(details), LONGEST_DETAILS)) if details else "",
                stack[-LONGEST_STACK:],
                event.get("trace_id"),
                event.get("worker"),
            )
        )

    def newest(
        self,
        entries: Collection[str] = (),
        level: str = "debug",
        limit: int = MOST,
        after: int = 0,
    ) -> list[LogLine]:
        """The newest lines, the newest first: those of some entries, or of all if none is given,
        of a level or a graver one, with a number above `after`.
        """
        found: list[LogLine] = [*self._all]
        if entries:
            known = {each.number for each in found}
            for id in entries:
                older = [*self._entries.get(id, ())]
                found += [each for each in older if each.number not in known]
            found = [each for each in found if each.entry in entries]
        grave = LEVELS[LEVELS.index(level) :]
        fit = [each for each in found if each.number > after and each.level in grave]
        fit.sort(key=lambda each: each.number, reverse=True)
        return fit[:limit]

    def send_to_parent(self) -> None:
        """Have the lines from now on wait for `take`: this is a worker."""
        self._untold = deque(maxlen=MOST)

    def take(self, limit: int) -> list[LogLine]:
        """Those that the parent has not been told, the oldest first."""
        untold, taken = self._untold, list[LogLine]()
        while untold and len(taken) < limit:
            taken.append(untold.popleft())
        return taken

    def merge(self, told: Collection[LogLine], worker: int) -> None:
        """Keep those of a worker."""
        for each in told:
            self._keep(replace(each, number=next(self._numbers), worker=worker))

    def _keep(self, line: LogLine) -> None:
        self._all.append(line)
        if line.entry:
            own = self._entries.get(line.entry)
            if own is None:
                if len(self._entries) >= MOST_ENTRIES:
                    return
                own = self._entries.setdefault(line.entry, deque(maxlen=MOST_OF_ENTRY))
            own.append(line)
        if self._untold is not None:
            self._untold.append(line)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return _cut(value, LONGEST_DETAILS)
    try:
        return _cut(repr(value), LONGEST_DETAILS)
    except Exception as error:
        return f"<{type(value).__name__} without a text: {type(error).__name__}>"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
