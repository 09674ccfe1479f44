"""Kills of workers: of three programs on a PostgreSQL server, one at a time gets SIGKILL.

Each handler writes a row in the transaction of its ack, so each row is there exactly once.
"""

from __future__ import annotations

from pathlib import Path
from time import monotonic

from tests.reliability import application
from tests.reliability.audit import check_log
from tests.reliability.deployment import Deployment, serving
from tests.reliability.kills import CONCURRENCY, recovery
from tests.reliability.load import Load
from tests.reliability.scenario import Outcome, Size, trial

NAME = "PostgreSQL: SIGKILL of one program of three at a time, 500 tasks/s"
SHORT = Size(times=2)
LONG = Size(times=20)
PROGRAMS = 3
RATE = 500


def run(folder: Path, size: Size, seed: int) -> Outcome:
    with trial(NAME, folder, size, seed) as t, serving() as server:
        deployment = Deployment(folder, server)
        load = Load(RATE, body=lambda n: {"n": n, "sleep": 0.01, "write": True})
        killed: list[tuple[float, float]] = []
        with deployment.replicas(PROGRAMS) as replicas:
            load.ports = replicas.ports
            with load.running():
                for _ in range(size.times):
                    load.pause(t.chance.uniform(0.3, 0.9))
                    victim = replicas.programs.pop(t.chance.randrange(PROGRAMS))
                    when = monotonic()
                    victim.kill()
                    killed.append((when, monotonic()))
                    check_log(victim)
                    load.ports = replicas.ports
                    replicas.add()
                    load.ports = replicas.ports
            deployment.settle(load.accepted)
            for program in replicas.programs:
                check_log(program)
            replicas.stop()
        t.outcome.accepted = len(load.accepted)
        t.outcome.twice = application.twice(folder)
        t.outcome.recovery = recovery(folder, killed)
        assert t.outcome.twice <= size.times * CONCURRENCY, (
            "more were handled twice than were in flight"
        )
        deployment.check_written(load.accepted)
    return t.outcome
