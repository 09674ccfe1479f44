"""Waterfall: a trace drawn with characters, on a terminal of any width."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor
from typing import Any, NamedTuple

from runtime.units import format_duration

NARROWEST, WIDEST = 40, 140
_TOOK = 8
_LEAST_BARS = 10
_GAP = 3
"""Cells for a time in which nothing ran, however long it was."""
_COLOURS = {"ok": "cyan", "failed": "red", "wait": "bright_black"}
_LEVELS = {"warning": "yellow", "error": "red", "critical": "red"}


class Signs(NamedTuple):
    """The characters of a drawing."""

    ok: str
    failed: str
    wait: str
    line: str
    fault: str
    cut: str


BLOCKS = Signs("█", "▓", "\N{BOX DRAWINGS LIGHT DIAGONAL UPPER RIGHT TO LOWER LEFT}", "•", "✗", "…")
ASCII = Signs("#", "!", "/", "o", "!", "~")


def draw(picture: Mapping[str, Any], width: int, signs: Signs, *, colour: bool) -> Iterator[str]:
    """The lines of a drawing of `/api/traces/{id}`."""
    width = min(max(width, NARROWEST), WIDEST)
    rows: Sequence[Mapping[str, Any]] = picture["rows"]
    labels = [_label(row, signs) for row in rows]
    label = min(max(map(len, labels)), max(NARROWEST // 3, width * 2 // 5))
    bars = max(width - label - _TOOK - 3, _LEAST_BARS)
    axis = Axis([(r["began"], r["ended"]) for r in rows if r["state"] != "wait"], bars)
    dots: dict[str, list[float]] = {}
    for line in picture["lines"]:
        dots.setdefault(line["span_id"], []).append(line["at"])
    yield from _wrapped(picture["title"], width)
    state = "failed" if picture["failed"] else "ok"
    yield f"trace {picture['id']}"
    yield f"{state}, {format_duration(picture['duration'])}"
    yield ""
    for row, text in zip(rows, labels, strict=True):
        bar = _bar(row, axis, dots.get(row["span_id"], ()), signs)
        took = format_duration(row["ended"] - row["began"]).rjust(_TOOK)
        bar = _styled(bar, _COLOURS[row["state"]], colour)
        yield f"{_cut(text, label, signs).ljust(label)} {bar} {took}".rstrip()
        if row["state"] == "failed" and row["note"] and not row["note"].isdigit():
            indent = " " * (2 * row["depth"] + 2)
            yield _styled(_cut(f"{indent}{row['note']}", width, signs), "red", colour)
    if picture["left_out"]:
        yield f"… and {picture['left_out']} spans more, which were not kept"
    if picture["lines"]:
        yield ""
        yield from _lines(picture["lines"], width, signs, colour=colour)


class Axis:
    """Times to cells. Only times in which something ran have their length."""

    def __init__(self, spans: Sequence[tuple[float, float]], cells: int) -> None:
        self._busy: list[tuple[float, float]] = []
        for began, ended in sorted(spans):
            if self._busy and began <= self._busy[-1][1]:
                self._busy[-1] = (self._busy[-1][0], max(self._busy[-1][1], ended))
            else:
                self._busy.append((began, ended))
        gaps = len(self._busy) - 1
        self._gap = min(_GAP, (cells // 2) / gaps) if gaps > 0 else 0.0
        whole = sum(ended - began for began, ended in self._busy)
        self._scale = (cells - gaps * self._gap) / whole if whole > 0 else 0.0
        self.cells = cells

    def cell(self, at: float) -> float:
        """The place of a time, from 0 to `cells`."""
        place = 0.0
        for number, (began, ended) in enumerate(self._busy):
            if number and at <= began:
                before = self._busy[number - 1][1]
                return place + self._gap * max(0.0, at - before) / (began - before)
            place += self._gap if number else 0.0
            if at <= ended:
                return place + max(0.0, at - began) * self._scale
            place += (ended - began) * self._scale
        return place


def _bar(row: Mapping[str, Any], axis: Axis, dots: Sequence[float], signs: Signs) -> str:
    first = min(floor(axis.cell(row["began"]) + 1e-9), axis.cells - 1)
    last = min(max(ceil(axis.cell(row["ended"]) - 1e-9), first + 1), axis.cells)
    cells = [" "] * axis.cells
    cells[first:last] = [getattr(signs, row["state"])] * (last - first)
    for at in dots:
        place = min(floor(axis.cell(at)), axis.cells - 1)
        if cells[place] == " " or last - first > 1:  # else the bar would not be seen
            cells[place] = signs.line
    return "".join(cells)


def _label(row: Mapping[str, Any], signs: Signs) -> str:
    fault = f"{signs.fault} " if row["state"] == "failed" else ""
    note = f" {row['note']}" if row["state"] != "failed" and row["note"] else ""
    return f"{'  ' * row['depth']}{fault}{row['title']}{note}"


def _lines(
    lines: Sequence[Mapping[str, Any]], width: int, signs: Signs, *, colour: bool
) -> Iterator[str]:
    for line in lines:
        at = f"+{format_duration(max(0.0, line['at']))}".rjust(_TOOK + 1)
        level = _styled(f"{line['level']:7}", _LEVELS.get(line["level"], "cyan"), colour)
        text = " ".join(line["text"].split())
        yield f"{signs.line} {at} {level} {_cut(text, width - _TOOK - 12, signs)}"


def _cut(text: str, width: int, signs: Signs) -> str:
    return text if len(text) <= width else text[: width - 1] + signs.cut


def _wrapped(text: str, width: int) -> Iterator[str]:
    line = ""
    for station in text.split(" → "):
        more = f"{line} → {station}" if line else station
        if len(more) > width and line:
            yield line
            more = f"  → {station}"
        line = more
    yield line


def _styled(text: str, colour: str, wanted: bool) -> str:
    if not wanted:
        return text
    import click

    return click.style(text, fg=colour)
