"""Report: the figures of a run as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from benchmarks import goals
from benchmarks.limits.plain import LIMITS
from benchmarks.results import Results, Round
from benchmarks.table import Table, middle, spread
from benchmarks.visit import Sample

USUAL = ("POST/s", "p50 ms", "p99 ms", "start s", "RSS MB", "PSS MB")


def tables(results: Results) -> Iterator[Table]:
    yield _works(results)
    yield _posts(results)
    yield _limits(results)
    yield goals.table(results)
    yield from (curve.table() for curve in results.curves)


def _works(results: Results) -> Table:
    heads = ["", "tasks/s", "CPU µs a task", "× limit", *USUAL]
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
                middle(_over_limit(results, title)),
                *_usual(samples),
            ]
        )
    note = (
        "tasks/s: from the first POST to the last row. × limit: CPU a task over that of the "
        "program by hand, the durable one where tasks survive a kill. Under load a POST's p99 "
        "shows how busy the machine is."
    )
    return Table("Tasks: posted by 64 connections, worked on, one row each", heads, rows, note)


def _posts(results: Results) -> Table:
    heads = ["", "CPU µs a POST", "× limit", *USUAL]
    rows = []
    for title in _titles(results, working=False):
        samples = _samples(results, title)
        if not samples:
            rows.append([f"{title}: {results.absent[title]}", *["-"] * (len(heads) - 1)])
            continue
        cpu = spread([sample.cpu_post for sample in samples])
        over = middle(_over_limit(results, title))
        rows.append([title + _remark(samples), cpu, over, *_usual(samples)])
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
    titles = chain.from_iterable(results.settings["places"].values())
    answering = results.settings["answering"]
    return [title for title in titles if (title not in answering) is working]


def _samples(results: Results, title: str) -> list[Sample]:
    return [round_.samples[title] for round_ in results.rounds if title in round_.samples]


def _over_limit(results: Results, title: str) -> list[float]:
    """Processor time over that of the program's limit, for each round."""
    limit = results.settings.get("limits", {}).get(title)

    def ratio(round_: Round) -> float | None:
        one, other = round_.samples[title].cpu, round_.samples[limit].cpu
        return one / other if one and other else None

    return results.each(ratio)


def _remark(samples: Sequence[Sample]) -> str:
    """Numbers that make a row incomparable, in parentheses."""
    missing = sum(sample.missing for sample in samples)
    refused = sum(sample.refused for sample in samples)
    remarks = [f"{missing:,} not done"] * bool(missing) + [f"{refused:,} refused"] * bool(refused)
    return f" ({', '.join(remarks)})" if remarks else ""
