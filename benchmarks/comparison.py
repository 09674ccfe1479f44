"""Comparison: all subjects and limits in interleaved rounds, and the tables that come of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from time import perf_counter

from benchmarks import goals, micro, ours
from benchmarks.limits.plain import LIMITS
from benchmarks.results import Results, Round, environment
from benchmarks.subject import Failed, Subject, peers, running
from benchmarks.table import Table, middle, spread
from benchmarks.visit import Sample, visit

STARTS = (ours.BARE, ours.MEMORY)
"""Those whose start is a goal: measured further times, in turns."""


BEGAN = perf_counter()
USUAL = ("POST/s", "p50 ms", "p99 ms", "start s", "RSS MB", "PSS MB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How long to look."""

    rounds: int
    seconds: int
    """Of load a visit."""
    limit_seconds: float
    starts: int
    quick: bool


QUICK = Settings(rounds=1, seconds=1, limit_seconds=0.3, starts=3, quick=True)
THOROUGH = Settings(rounds=4, seconds=2, limit_seconds=0.5, starts=3, quick=False)


def subjects() -> list[Subject]:
    return [*ours.SUBJECTS, *peers()]


def run(settings: Settings, chosen: Sequence[Subject], rounds: int) -> Results:
    """Measure; says on stderr what it is at."""
    if busy := _busy():
        _say(busy)
    places: dict[str, list[str]] = {}
    for subject in chosen:
        places.setdefault(subject.place, []).append(subject.title)
    results = Results(
        environment(),
        {"rounds": rounds, "seconds": settings.seconds, "places": places},
    )
    able = []
    for subject in chosen:
        if reason := subject.missing():
            results.absent[subject.title] = reason
        else:
            able.append(subject)
    for number in range(1, rounds + 1):
        results.rounds.append(_round(settings, able, results, f"round {number} of {rounds}"))
    for room in goals.ROOMS:
        _say(f"room {room}")
        results.curves += micro.curves([room], settings.quick)
    return results


def _round(settings: Settings, chosen: Sequence[Subject], results: Results, name: str) -> Round:
    round_ = Round()
    for title, limit in LIMITS.items():
        _say(f"{name}: {title}")
        round_.limits[title] = limit(settings.limit_seconds)
    for subject in chosen:
        _say(f"{name}: {subject.title}")
        try:
            round_.samples[subject.title] = visit(subject, settings.seconds)
        except Failed as error:
            _say(str(error))
            results.absent[subject.title] = "failed, see above"
    for subject in [subject for subject in STARTS if subject in chosen] * settings.starts:
        with running(subject) as program:
            round_.starts.setdefault(subject.title, []).append(program.start)
    return round_


def tables(results: Results) -> Iterator[Table]:
    yield _works(results)
    yield _posts(results)
    yield _limits(results)
    yield goals.table(results)
    yield from (curve.table() for curve in results.curves)


def _works(results: Results) -> Table:
    heads = ["", "tasks/s", "CPU µs a task", *USUAL]
    rows = []
    for title in _titles(results, working=True):
        samples = _samples(results, title)
        if not samples:
            rows.append([f"{title}: {results.absent[title]}", *["-"] * (len(heads) - 1)])
            continue
        rows.append(
            [
                title + _remark(samples),
                spread([sample.tasks for sample in samples]),
                spread([sample.cpu_task for sample in samples]),
                *_usual(samples),
            ]
        )
    note = (
        "tasks/s: from the first POST to the last row. Under load a POST's p99 shows how busy "
        "the machine is."
    )
    return Table("Tasks: posted by 64 connections, worked on, one row each", heads, rows, note)


def _posts(results: Results) -> Table:
    heads = ["", "CPU µs a POST", *USUAL]
    rows = []
    for title in _titles(results, working=False):
        samples = _samples(results, title)
        if not samples:
            rows.append([f"{title}: {results.absent[title]}", *["-"] * (len(heads) - 1)])
            continue
        cpu = spread([sample.cpu_post for sample in samples])
        rows.append([title + _remark(samples), cpu, *_usual(samples)])
    return Table("POSTs that nobody works on", heads, rows)


def _usual(samples: Sequence[Sample]) -> list[str]:
    """The cells under `USUAL`."""
    return [
        middle([sample.posts for sample in samples]),
        middle([sample.p50 for sample in samples]),
        middle([sample.p99 for sample in samples]),
        middle([sample.start for sample in samples]),
        middle([sample.rss for sample in samples]),
        middle([sample.pss for sample in samples]),
    ]


def _limits(results: Results) -> Table:
    def rates(title: str) -> list[float]:
        return results.each(lambda round_: round_.limits[title])

    rows = [[title, spread(rates(title))] for title in LIMITS]
    return Table("Limits of this machine", ["", "a second"], rows)


def _titles(results: Results, *, working: bool) -> list[str]:
    places = results.settings["places"]
    titles = list(chain.from_iterable(places.values()))
    idle = {*places.get("limit", ()), *places.get("no work", ())}
    idle |= {ours.POST.title, ours.POST_OF_MANY.title}
    return [title for title in titles if (title not in idle) is working]


def _samples(results: Results, title: str) -> list[Sample]:
    return [round_.samples[title] for round_ in results.rounds if title in round_.samples]


def _remark(samples: Sequence[Sample]) -> str:
    """What must not be overlooked."""
    missing = sum(sample.missing for sample in samples)
    refused = sum(sample.refused for sample in samples)
    told = [f"{missing:,} not done"] * bool(missing) + [f"{refused:,} refused"] * bool(refused)
    return f" ({', '.join(told)})" if told else ""


def _busy() -> str | None:
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load < 0.5:
        return None
    return (
        f"this machine is busy (load {load:.1f} on {cores} cores): a goal that is missed may be "
        "missed for that"
    )


def _say(text: str) -> None:
    print(f"{perf_counter() - BEGAN:>4.0f} s  {text}", file=sys.stderr, flush=True)
