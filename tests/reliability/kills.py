"""Kills: the program gets SIGKILL at random moments under load, and is started again.

Each handler writes a row in the transaction of its ack, so each row is there exactly once.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from time import monotonic

from tests.reliability import application
from tests.reliability.audit import check_log, settle, table
from tests.reliability.load import Load
from tests.reliability.scenario import Outcome, Size, Trial, trial
from tests.support.program import running

NAME = "SIGKILL at random moments, 300 tasks/s"
SHORT = Size(messages=1_500, times=5)
LONG = Size(messages=10_000, times=20)
CONCURRENCY = 8
RATE = 300


def run(folder: Path, size: Size, seed: int) -> Outcome:
    with trial(NAME, folder, size, seed) as t:
        application.write_transactional(folder)
        rows = kill_under_load(t, "write")
        assert rows.total() == len(rows), "a row was written twice"
    return t.outcome


def kill_under_load(t: Trial, effect: str) -> Counter[str]:
    """Kill the application in the trial's folder again and again; return the rows it wrote.

    `effect` is how its handlers write them: see `application`.
    """
    folder, size = t.folder, t.size
    load = Load(RATE, size.messages, body=lambda n: {"n": n, "sleep": 0.01, effect: True})
    every = size.messages / RATE / (size.times + 1)
    killed: list[tuple[float, float]] = []
    with load.running():
        for _ in range(size.times):
            with running(folder) as program:
                load.port = program.port
                load.pause(every * t.chance.uniform(0.5, 1.5))
                when = monotonic()
                program.kill()
                check_log(program)
            killed.append((when, monotonic()))
        with running(folder) as program:
            load.port = program.port
            load.finish(within=3 * size.messages / RATE + 30)
            settle(folder, load.accepted, within=15 + 5)
            assert program.stop() == 0
            check_log(program)
    starts = application.starts(folder)
    t.outcome.accepted = len(load.accepted)
    t.outcome.twice = starts.total() - len(starts)
    t.outcome.recovery = recovery(folder, killed)
    assert t.outcome.twice <= size.times * CONCURRENCY, (
        "more were handled twice than were in flight"
    )
    rows = Counter(id for (id,) in table(folder, "SELECT id FROM written"))
    assert load.accepted.keys() <= rows.keys()
    return rows


def recovery(folder: Path, killed: list[tuple[float, float]]) -> float:
    """Seconds from a kill until an interrupted handler was started again, at the longest."""
    open_since: dict[str, float] = {}
    longest = 0.0
    for note in application.notes(folder):
        if note.what == "end":
            open_since.pop(note.id, None)
            continue
        if (before := open_since.get(note.id)) is not None:
            longest = max(
                [longest, *(note.when - when for when, _ in killed if before < when < note.when)]
            )
        open_since[note.id] = note.when
    return longest
