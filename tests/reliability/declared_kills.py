"""Kills of a program whose consumers have limits, batches, events and a schedule, on SQLite."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from time import monotonic

from tests.reliability import application, declared
from tests.reliability.audit import check_integrity, check_log, table
from tests.reliability.load import Load
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.blackbox import eventually
from tests.support.program import running

NAME = "SIGKILL with rates, limits by key, batches, unique keys, events and a schedule, 100 tasks/s"
SHORT = Size(messages=400, times=2)
LONG = Size(messages=4_000, times=20)
RATE = 100


def run(folder: Path, size: Size, seed: int) -> Outcome:
    with trial(NAME, folder, size, seed) as t:
        declared.write(folder)
        load = Load(RATE, size.messages, body=declared.body)
        every = size.messages / RATE / (size.times + 1)
        ends: dict[int, float] = {}
        with load.running():
            for _ in range(size.times):
                with running(folder) as program:
                    load.port = program.port
                    load.pause(every * t.chance.uniform(0.5, 1.5))
                    program.kill()
                    ends[program.pid] = monotonic()
                    check_log(program)
            with running(folder) as program:
                load.port = program.port
                load.finish(within=3 * size.messages / RATE + 30)
                eventually(lambda: table(folder, declared.LEFT) == [(0,)], 60)
                assert program.stop() == 0
                check_log(program)
        check_integrity(folder)
        rows = Counter(id for (id,) in table(folder, "SELECT id FROM written"))
        t.outcome.accepted = declared.check_written(rows, load.accepted)
        t.outcome.twice = application.twice(folder)
        declared.check_limits(folder, load.accepted, ends)
    return t.outcome
