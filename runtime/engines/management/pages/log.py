"""Log: the last lines of the log, of all entries or of those that work together in a service."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from runtime.engines.management.catalog import Catalog
from runtime.engines.management.log_lines import LogLine
from runtime.engines.management.logs import Wanted
from runtime.engines.management.pages import words
from runtime.engines.management.pages.finder import finder
from runtime.engines.management.pages.frame import frame
from runtime.engines.management.pages.markup import (
    current,
    e,
    empty,
    icon,
    link,
    panel,
    path,
    query,
)
from runtime.engines.management.pages.sight import Sight

SHOWN = 200
"""Lines on the page of the log."""
SHOWN_BESIDE = 30
"""Lines on the page of a service."""
_PICKS = {"debug": "All", "warning": "Warnings", "error": "Errors"}
_TONES = {"warning": "c-warn", "error": "c-bad", "critical": "c-bad"}


def render(sight: Sight, lines: Sequence[LogLine], wanted: Wanted, find: str) -> str:
    """The page of the log."""
    kept = {"entry": wanted.entries[0]} if wanted.entries else {}
    level = {} if wanted.level == "debug" else {"level": wanted.level}
    side = _picks("/log", wanted.level, kept) + finder("text", find, **kept, **level)
    of = f"of {wanted.entries[0]}" if wanted.entries else "of all entries"
    shown = panel(
        "The last lines", _list(lines, sight, find), hint=f"{of}, the newest first", side=side,
        body=False,
    )  # fmt: skip
    body = f'<div class="stack">{shown}</div>'
    return frame("log", "Log", sight, body, stream=stream(wanted, lines))


def beside(sight: Sight, lines: Sequence[LogLine], wanted: Wanted, address: str) -> str:
    """The lines of a service, for its page, which has that address."""
    told = ", ".join(wanted.entries[:3])
    more = len(wanted.entries) - 3
    hint = f"of {told}" + (f" and {more} more" if more > 0 else "")
    side = _picks(address, wanted.level, {})
    return panel("What it says", _list(lines, sight), hint=hint, side=side, body=False)


def related(catalog: Catalog, id: str) -> tuple[str, ...]:
    """An entry, and those whose lines belong to its work: the functions that it names, and for a
    server the endpoints behind it with theirs.
    """
    found = [id]
    for each in found:  # grows meanwhile
        record = catalog.entries.get(each)
        kind = record.kind if record else ""
        names = [one.target for one in catalog.needs(each) if one.by in ("func", "process")]
        if kind in ("http.service", "http.router"):
            names += [one.source for one in catalog.needed_by(each) if one.by.startswith("meta.")]
        found += [name for name in names if name not in found]
    return tuple(found)


def stream(wanted: Wanted, lines: Sequence[LogLine]) -> str:
    """The address of the events of a page that shows these lines, and wants those that follow."""
    newest = lines[0].number if lines else 0
    asked = [("entry", id) for id in wanted.entries]
    asked += [("level", wanted.level), ("log", str(newest))]
    return f"/events?{urlencode(asked)}"


def item(line: LogLine, now: float, hidden: str = "") -> str:
    """One line."""
    at = words.moment(line.at, now)
    at += line.at[-5:-1] if len(at) == len("02:13:02") else ""
    tone = _TONES.get(line.level, "f")
    worker = f"[{line.worker}] " if line.worker is not None else ""
    entry = link(path("entries", line.entry), line.entry, "f") if line.entry else ""
    # Most messages begin with the entry that they are about.
    said = line.message.removeprefix(line.entry).lstrip(" :") if line.entry else line.message
    details = f' <span class="f">{e(line.details)}</span>' if line.details else ""
    stack = (
        f"<details><summary>{icon('more')}traceback</summary><pre>{e(line.stack)}</pre></details>"
        if line.stack
        else ""
    )
    known = e(f"{line.entry} {line.level} {line.message} {line.details}".lower())
    return (
        f'<li data-find="{known}"{hidden}><time datetime="{e(line.at)}">{at}</time>'
        f'<span class="{tone}">{e(line.level)}</span>'
        f"<div>{worker}{entry} {e(said)}{details}{stack}</div></li>"
    )


def _list(lines: Sequence[LogLine], sight: Sight, find: str = "") -> str:
    sought = find.lower().split()
    shown = "".join(
        item(each, sight.now, "" if _has(each, sought) else " hidden") for each in lines
    )
    return f'<ul class="log" data-log>{shown}</ul>{empty("No line yet.")}'


def _has(line: LogLine, sought: Sequence[str]) -> bool:
    known = f"{line.entry} {line.level} {line.message} {line.details}".lower()
    return all(word in known for word in sought)


def _picks(address: str, level: str, kept: dict[str, str]) -> str:
    links = "".join(
        f'<a href="{query(address, **kept, level=value)}"{current(value == level)}>{name}</a>'
        for value, name in _PICKS.items()
    )
    return f'<span class="pick">{links}</span>'
