"""Crashes of the server: all of PostgreSQL is killed under load, again and again.

What it had not yet written is gone: claims and acks, but nothing that was accepted.
"""

from __future__ import annotations

from pathlib import Path
from time import monotonic

from tests.reliability import application
from tests.reliability.audit import check_log
from tests.reliability.deployment import WHILE_AWAY, Deployment, serving
from tests.reliability.load import Load
from tests.reliability.scenario import Outcome, Size, trial

NAME = "PostgreSQL: SIGKILL of the whole server, 300 tasks/s"
SHORT = Size(times=2)
LONG = Size(times=10)
PROGRAMS = 2
RATE = 300


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """The slowest recovery is from the server's first answer to the first task it accepts."""
    with trial(NAME, folder, size, seed) as t, serving() as server:
        deployment = Deployment(folder, server)
        load = Load(RATE, body=lambda n: {"n": n, "sleep": 0.01, "write": True})
        back: list[float] = []
        with deployment.replicas(PROGRAMS) as replicas:
            load.ports = replicas.ports
            with load.running():
                for _ in range(size.times):
                    load.pause(t.chance.uniform(0.5, 1.5))
                    server.kill()
                    load.pause(t.chance.uniform(0.0, 1.0))
                    server.start()
                    back.append(load.accepted_after(monotonic()))
            deployment.settle(load.accepted)
            assert not any(program.ended for program in replicas.programs)
            replicas.stop()
            for program in replicas.programs:
                check_log(program, *WHILE_AWAY)
        t.outcome.accepted = len(load.accepted)
        t.outcome.twice = len(application.ended_twice(folder))
        t.outcome.recovery = max(back)
        assert load.without_retry_after == 0
        assert load.answers.keys() <= {202, 503}, load.answers
        deployment.check_written(load.accepted)
    return t.outcome
