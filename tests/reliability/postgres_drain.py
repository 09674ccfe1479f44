"""Rolling deploy: of three programs on a PostgreSQL server, one at a time is stopped and replaced.

No message runs twice, and none spends an attempt on a stop.
"""

from __future__ import annotations

from pathlib import Path

from tests.reliability import application
from tests.reliability.audit import check_log
from tests.reliability.deployment import Deployment, serving
from tests.reliability.load import Load
from tests.reliability.scenario import Outcome, Size, trial

NAME = "PostgreSQL: SIGTERM of one program of three at a time, 1,000 tasks/s"
SHORT = Size(times=2)
LONG = Size(times=20)
PROGRAMS = 3
RATE = 1_000


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """The slowest recovery is the time in which 99 of 100 clients were answered."""
    with trial(NAME, folder, size, seed) as t, serving() as server:
        deployment = Deployment(folder, server)
        load = Load(RATE, body=lambda n: {"n": n, "sleep": 0.01})
        with deployment.replicas(PROGRAMS) as replicas:
            load.ports = replicas.ports
            with load.running():
                for _ in range(size.times):
                    load.pause(t.chance.uniform(0.3, 0.9))
                    drained = replicas.programs.pop(0)
                    load.ports = replicas.ports  # as a load balancer that sees it is not ready
                    assert drained.stop() == 0, drained.stderr
                    check_log(drained)
                    replicas.add()
                    load.ports = replicas.ports
            deployment.settle(load.accepted)
            replicas.stop()
            for program in replicas.programs:
                check_log(program)
        t.outcome.accepted = len(load.accepted)
        t.outcome.twice = application.twice(folder)
        t.outcome.recovery = sorted(load.waits)[len(load.waits) * 99 // 100]
        assert load.answers.keys() == {202}, load.answers
        assert load.unanswered == 0
        assert t.outcome.twice == 0, "a message ran twice"
        attempts = {note.attempt for note in application.notes(folder)}
        assert attempts == {1}, "a stop spent an attempt"
    return t.outcome
