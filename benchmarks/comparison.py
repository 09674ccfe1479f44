"""Comparison: all subjects and limits, measured in interleaved rounds."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from benchmarks import goals, micro, ours
from benchmarks.limits import programs
from benchmarks.limits.plain import LIMITS
from benchmarks.results import Results, Round, environment
from benchmarks.subject import Failed, Subject, peers, running
from benchmarks.visit import visit

STARTS = (programs.BARE, ours.MEMORY)
"""Subjects whose start has a goal: it is measured several more times, in turns."""

BEGAN = perf_counter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The length of a measurement."""

    rounds: int
    seconds: int
    """Seconds of load for each subject."""
    limit_seconds: float
    starts: int
    quick: bool


QUICK = Settings(rounds=1, seconds=1, limit_seconds=0.3, starts=3, quick=True)
THOROUGH = Settings(rounds=3, seconds=2, limit_seconds=0.5, starts=3, quick=False)


def subjects() -> list[Subject]:
    return [*programs.PROGRAMS, *ours.SUBJECTS, *peers()]


def run(settings: Settings, chosen: Sequence[Subject], rounds: int) -> Results:
    """Measure everything; reports progress on stderr."""
    if busy := _busy():
        _report(busy)
    places: dict[str, list[str]] = {}
    for subject in chosen:
        places.setdefault(subject.place, []).append(subject.title)
    answering = [subject.title for subject in chosen if not subject.works]
    length = {"rounds": rounds, "seconds": settings.seconds}
    limits = {subject.title: programs.limit_of(subject).title for subject in chosen}
    settings_kept = length | {"places": places, "answering": answering, "limits": limits}
    results = Results(environment(), settings_kept)
    able = []
    for subject in chosen:
        if reason := subject.missing():
            results.absent[subject.title] = reason
        else:
            able.append(subject)
    for number in range(1, rounds + 1):
        results.rounds.append(_round(settings, able, results, f"round {number} of {rounds}"))
    for part in goals.PARTS:
        _report(f"part {part}")
        results.curves += micro.curves([part], settings.quick)
    return results


def _round(settings: Settings, chosen: Sequence[Subject], results: Results, name: str) -> Round:
    round_ = Round()
    for title, limit in LIMITS.items():
        _report(f"{name}: {title}")
        round_.limits[title] = limit(settings.limit_seconds)
    for subject in chosen:
        _report(f"{name}: {subject.title}")
        with _failing(subject, results):
            round_.samples[subject.title] = visit(subject, settings.seconds)
    for subject in [subject for subject in STARTS if subject in chosen] * settings.starts:
        with _failing(subject, results), running(subject) as program:
            round_.starts.setdefault(subject.title, []).append(program.start)
    return round_


@contextmanager
def _failing(subject: Subject, results: Results) -> Iterator[None]:
    """Report a program that fails, and go on with the others."""
    try:
        yield
    except Failed as error:
        _report(str(error))
        results.absent[subject.title] = "failed"


def _busy() -> str | None:
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load < 0.5:
        return None
    return f"this machine is busy (load {load:.1f} on {cores} cores): that alone may miss a goal"


def _report(text: str) -> None:
    print(f"{perf_counter() - BEGAN:>4.0f} s  {text}", file=sys.stderr, flush=True)
