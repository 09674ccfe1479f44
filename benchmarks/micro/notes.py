"""Notes: the notes API of the examples beside the same in FastAPI, each as a whole program.

python -m benchmarks micro notes
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from statistics import median

from benchmarks import load
from benchmarks.curve import Curve
from benchmarks.notes.programs import EXAMPLE, FASTAPI, OURS, TWIN, sources
from benchmarks.notes.size import concepts, lines
from benchmarks.notes.visit import REMIND, WORKS, Sample, visit
from benchmarks.table import figure

TITLE = "The notes API beside the same in FastAPI"
HEADS = ["", "runtime", "FastAPI", "runtime / FastAPI"]


def measure(quick: bool) -> Iterator[Curve]:
    missing = load.missing() or OURS.missing() or FASTAPI.missing()
    if missing:
        print(f"notes: {missing}", file=sys.stderr)
        return
    rounds, seconds = (1, 1) if quick else (3, 2)
    pairs = [(visit(OURS, seconds), visit(FASTAPI, seconds)) for _ in range(rounds)]
    yield curve(pairs)


def curve(pairs: Sequence[tuple[Sample, Sample]]) -> Curve:
    """The table of some rounds, each of which measured both. Ratios are those of a round."""
    rows: list[Sequence[str | float]] = []
    figures: dict[str, float] = {}

    def add(title: str, name: str, ask: Callable[[Sample], float]) -> None:
        ours, theirs = ([ask(sample) for sample in samples] for samples in zip(*pairs, strict=True))
        figures[name] = median(a / b for a, b in zip(ours, theirs, strict=True))
        rows.append([title, figure(median(ours)), figure(median(theirs)), figure(figures[name])])

    for title in (work.title for work in (*WORKS, REMIND)):
        add(f"{title}, a second", title, _of("rates", title))
        add(f"{title}, CPU µs", f"{title}, CPU", _of("cpu", title))
    add("memory when idle, MB", "idle", lambda sample: sample.rss)
    add("memory after all this, MB", "loaded", lambda sample: sample.loaded)
    add("exec to first answer, s", "start", lambda sample: sample.start)
    ours, theirs = sources(EXAMPLE), sources(TWIN)
    for title, name, count in (
        ("lines of code, manifest and SQL", "lines", lines),
        ("concepts", "concepts", lambda files: len(concepts(files))),
    ):
        figures[name] = count(ours) / count(theirs)
        rows.append([title, f"{count(ours)}", f"{count(theirs)}", figure(figures[name])])
    slowest = min(figures[work.title] for work in WORKS)
    figures["slowest"] = slowest
    return Curve("notes", TITLE, HEADS, rows, figures, NOTE)


def _of(figures: str, title: str) -> Callable[[Sample], float]:
    return lambda sample: float(getattr(sample, figures)[title])


NOTE = (
    "64 connections, one process each. Lines: without blank ones, comments, docstrings, tests and "
    "the page. Concepts: names imported from other packages, and kinds of entries. In FastAPI a "
    "task that looks once a second reminds; here a message does, in the note's transaction."
)
