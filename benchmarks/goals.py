"""Goals: the promises of this project about speed, compared with the figures of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks import ours
from benchmarks.limits import programs
from benchmarks.results import Results, Round
from benchmarks.subject import Subject
from benchmarks.table import Table, spread
from benchmarks.visit import Sample


@dataclass(frozen=True, slots=True)
class Goal:
    """`ask` returns one value per round, or none if nothing was measured."""

    work: str
    wanted: str
    ask: Callable[[Results], Sequence[float]]
    at_least: float | None = None
    at_most: float | None = None

    def met(self, values: Sequence[float]) -> str:
        """The verdict, as the table shows it."""
        if not values:
            return "not measured"
        value = median(values)
        low = self.at_least is not None and value < self.at_least
        high = self.at_most is not None and value > self.at_most
        return "NOT MET" if low or high else "met"


def _sample(round_: Round, subject: Subject | str) -> Sample:
    return round_.samples[subject if isinstance(subject, str) else subject.title]


def _tasks(round_: Round, subject: Subject | str) -> float:
    tasks = _sample(round_, subject).tasks
    assert tasks is not None
    return tasks


def _cpu(subject: Subject, over: Subject) -> Callable[[Results], Sequence[float]]:
    """Processor time of a task or POST, divided by that of another subject."""

    def ratio(round_: Round) -> float:
        one, other = _sample(round_, subject).cpu, _sample(round_, over).cpu
        assert one is not None
        assert other is not None
        return one / other

    return lambda results: results.each(ratio)


def _over_best(place: str) -> Callable[[Results], Sequence[float]]:
    """Tasks a second of the seed application, divided by those of the best peer of a place."""

    def ask(results: Results) -> Sequence[float]:
        titles = results.settings["places"].get(place, [])

        def ratio(round_: Round) -> float | None:
            rates = [_tasks(round_, title) for title in titles if title in round_.samples]
            return _tasks(round_, ours.MEMORY) / max(rates) if rates else None

        return results.each(ratio)

    return ask


def _start(round_: Round) -> float:
    ours_, bare = round_.starts[ours.MEMORY.title], round_.starts[programs.BARE.title]
    return median(ours_) / median(bare)


def _of_curve(name: str, key: str) -> Callable[[Results], Sequence[float]]:
    def ask(results: Results) -> Sequence[float]:
        curve = results.curve(name)
        return [curve.figures[key]] if curve else []

    return ask


def _share(name: str, key: str, of: Subject) -> Callable[[Results], Sequence[float]]:
    """Microseconds that a curve has found, in percent of those of a task or POST of a subject."""

    def ask(results: Results) -> Sequence[float]:
        curve = results.curve(name)
        if curve is None:
            return []
        more = curve.figures[key]

        def ratio(round_: Round) -> float | None:
            whole = _sample(round_, of).cpu
            return 100 * more / whole if whole else None

        return results.each(ratio)

    return ask


GOALS = [
    Goal(
        "CPU of a POST that parses, publishes and answers",
        "≤ 1.4 × bare ASGI",
        _cpu(ours.POST, programs.BARE),
        at_most=1.4,
    ),
    Goal(
        "the same with 1,000 routes",
        "≤ 1.05 × of 2 routes",
        _cpu(ours.POST_OF_MANY, ours.POST),
        at_most=1.05,
    ),
    Goal(
        "dispatcher alone with 1,000 routes",
        "≤ 1.05 × of 2 routes",
        _of_curve("dispatch", "growth"),
        at_most=1.05,
    ),
    Goal(
        "typed POST over `await request.json()`, without a server, CPU",
        "≤ 1.25 ×",
        _of_curve("arguments", "body"),
        at_most=1.25,
    ),
    Goal(
        "seed application, memory, CPU a task",
        "≤ 1.7 × by hand",
        _cpu(ours.MEMORY, programs.MEMORY),
        at_most=1.7,
    ),
    Goal(
        "the same, tasks/s",
        "≥ 2.8 × the best peer in process",
        _over_best("in process"),
        at_least=2.8,
    ),
    Goal(
        "the same, tasks/s",
        "≥ 12 × the best peer with a broker",
        _over_best("brokered"),
        at_least=12,
    ),
    Goal(
        "durable (normal), CPU a task",
        "≤ 2.2 × by hand",
        _cpu(ours.DURABLE_NORMAL, programs.DURABLE),
        at_most=2.2,
    ),
    Goal(
        "durable (full), CPU a task",
        "≤ 0.5 × before",
        _cpu(ours.DURABLE, ours.DURABLE_BEFORE),
        at_most=0.5,
    ),
    Goal(
        "durable (full), 64 at a time, tasks/s",
        "≥ 0.8 × memory, 64 at a time",
        lambda results: results.each(
            lambda round_: _tasks(round_, ours.DURABLE_WIDE) / _tasks(round_, ours.MEMORY_WIDE)
        ),
        at_least=0.8,
    ),
    Goal(
        "counting of a request, % of the CPU of a POST",
        "≤ 2",
        _share("counting", "request", ours.POST),
        at_most=2,
    ),
    Goal(
        "counting of a no-op message, CPU µs",
        "≤ 0.3",
        _of_curve("counting", "message"),
        at_most=0.3,
    ),
    Goal(
        "tracing of 1 task in 100, % of the CPU of a task in memory",
        "≤ 5",
        _share("tracing", "more", ours.MEMORY),
        at_most=5,
    ),
    Goal(
        "seed application, memory, management on, CPU a task",
        "≤ 1.07 × off",
        _cpu(ours.MEMORY_MANAGED, ours.MEMORY),
        at_most=1.07,
    ),
    Goal(
        "idle memory with management on, MiB",
        "≤ 3 more than off",
        _of_curve("management", "memory"),
        at_most=3,
    ),
    Goal(
        "idle CPU with management on, % of a core",
        "≤ 0.3",
        _of_curve("management", "idle"),
        at_most=0.3,
    ),
    Goal(
        "message through the memory queue, CPU µs",
        "≤ 5",
        _of_curve("memory", "message"),
        at_most=5,
    ),
    Goal(
        "the same, most waiting over 1 waiting",
        "flat: ≤ 1.25",
        _of_curve("memory", "flat"),
        at_most=1.25,
    ),
    Goal(
        "runtime run, exec to first answer",
        "≤ 1.35 × bare ASGI",
        lambda results: results.each(_start),
        at_most=1.35,
    ),
    Goal(
        "runtime validate, 10,000 entries, s",
        "≤ 1",
        _of_curve("manifest", "seconds"),
        at_most=1,
    ),
    Goal(
        "the same, an entry of 10,000 over one of 100",
        "linear: ≤ 1.25",
        _of_curve("manifest", "growth"),
        at_most=1.25,
    ),
    Goal(
        "the slowest request of the notes API, a second",
        "≥ 2 × FastAPI",
        _of_curve("notes", "slowest"),
        at_least=2,
    ),
    Goal(
        "its lines of code, manifest and SQL",
        "≤ 0.75 × FastAPI",
        _of_curve("notes", "lines"),
        at_most=0.75,
    ),
    Goal(
        "the overview of the dashboard, 20 entries, first, ms",
        "≤ 50",
        _of_curve("pages", "overview"),
        at_most=50,
    ),
    Goal(
        "the same, 200 entries, ms",
        "≤ 150",
        _of_curve("pages", "200 entries"),
        at_most=150,
    ),
    Goal(
        "its first load, KB compressed",
        "≤ 25",
        _of_curve("pages", "KB"),
        at_most=25,
    ),
    Goal(
        "idle memory of the seed application, MB",
        "≤ 40",
        lambda results: results.each(lambda round_: _sample(round_, ours.MEMORY).rss),
        at_most=40,
    ),
]
"""What is promised, two tasks at a time where nothing else is said."""

PARTS = (
    "arguments",
    "counting",
    "dispatch",
    "management",
    "manifest",
    "memory",
    "notes",
    "pages",
    "tracing",
    "writer",
)
"""The parts in `benchmarks.micro` that a comparison measures beside the subjects."""


def table(results: Results) -> Table:
    rows = []
    for goal in GOALS:
        values = goal.ask(results)
        rows.append([goal.work, goal.wanted, goal.met(values), spread(values)])
    return Table("Goals", ["work", "goal", "", "found"], rows, words=3)
