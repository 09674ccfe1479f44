"""Graceful stop: the program gets SIGTERM under load, again and again."""

from __future__ import annotations

from pathlib import Path

from tests.reliability import application
from tests.reliability.audit import check_log, settle
from tests.reliability.load import Load
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.program import running

NAME = "SIGTERM under 200 requests/s, handlers of 0.3 s"
SHORT = Size(times=3)
LONG = Size(times=20)


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """Every accepted message is handled once, and every program exits with 0."""
    with trial(NAME, folder, size, seed) as t:
        application.write(folder, {"concurrency: 8": "concurrency: 100"})
        load = Load(200, body=lambda n: {"n": n, "sleep": 0.3})
        with load.running():
            for _ in range(size.times):
                with running(folder) as program:
                    load.port = program.port
                    load.pause(t.chance.uniform(0.3, 0.9))
                    assert program.stop() == 0, program.stderr
                    check_log(program)
        with running(folder) as program:
            settle(folder, load.accepted)
            assert program.stop() == 0
            check_log(program)
        t.outcome.accepted = len(load.accepted)
        t.outcome.twice = application.twice(folder)
        assert t.outcome.twice == 0, "a message in flight at a stop was handled again"
    return t.outcome
