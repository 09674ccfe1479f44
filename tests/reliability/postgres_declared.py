"""Limits, batches, events and a schedule in three programs on a PostgreSQL server.

One program at a time gets SIGKILL or SIGTERM, as chance has it.
"""

from __future__ import annotations

from pathlib import Path
from time import monotonic

from tests.reliability import application, declared
from tests.reliability.audit import check_log
from tests.reliability.deployment import Deployment, serving
from tests.reliability.load import Load
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.blackbox import eventually

NAME = "PostgreSQL: one of three programs with limits, batches, events gets SIGKILL or SIGTERM"
SHORT = Size(times=3)
LONG = Size(times=20)
PROGRAMS = 3
RATE = 100
AT_ONCE = 30
"""Messages that one program has in hand, at the most."""


def run(folder: Path, size: Size, seed: int) -> Outcome:
    with trial(NAME, folder, size, seed) as t, serving() as server:
        deployment = Deployment(folder, server, write=declared.write)
        deployment.options += ("-o", "app:db:pool.size=12")
        load = Load(RATE, body=declared.body)
        ends: dict[int, float] = {}
        with deployment.replicas(PROGRAMS) as replicas:
            load.ports = replicas.ports
            with load.running():
                for _ in range(size.times):
                    load.pause(t.chance.uniform(0.5, 1.5))
                    victim = replicas.programs.pop(t.chance.randrange(PROGRAMS))
                    load.ports = replicas.ports
                    if t.chance.random() < 0.5:
                        victim.kill()
                        ends[victim.pid] = monotonic()
                    else:
                        assert victim.stop() == 0, victim.stderr
                    check_log(victim)
                    replicas.add()
                    load.ports = replicas.ports
            eventually(lambda: server.execute(declared.LEFT) == [(0,)], 60)
            replicas.stop()
            for program in replicas.programs:
                check_log(program)
        t.outcome.accepted = declared.check_written(deployment.written(), load.accepted)
        t.outcome.twice = application.twice(folder)
        assert t.outcome.twice <= len(ends) * AT_ONCE, "more ran twice than were in flight"
        declared.check_limits(folder, load.accepted, ends)
    return t.outcome
