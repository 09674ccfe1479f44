"""A pooler in front: handlers reach PostgreSQL through PgBouncer, which is killed under load.

The queues go past it, so that nothing is refused meanwhile; the rows that handlers write in the
transaction of their ack go through it.
"""

from __future__ import annotations

from pathlib import Path

from tests.reliability import application
from tests.reliability.audit import check_log
from tests.reliability.deployment import WHILE_AWAY, Deployment, serving
from tests.reliability.load import Load
from tests.reliability.scenario import Outcome, Size, Trial, trial
from tests.support.pgbouncer import PgBouncer, require_pgbouncer

NAME = "PostgreSQL behind PgBouncer, which gets SIGKILL, 200 tasks/s"
SHORT = Size(times=2)
LONG = Size(times=10)
PROGRAMS = 2
RATE = 200


def run(folder: Path, size: Size, seed: int) -> Outcome:
    require_pgbouncer()
    with (
        trial(NAME, folder, size, seed) as t,
        serving() as server,
        PgBouncer(server.port).running() as pooler,
    ):
        _run(t, Deployment(folder, server, pooler.url), pooler)
    return t.outcome


def _run(t: Trial, deployment: Deployment, pooler: PgBouncer) -> None:
    direct = f"app:db:direct={deployment.server.url}"
    deployment.options += ("-o", "app:db:pooler=transaction", "-o", direct)
    # by default a task has a second of attempts, and the pooler is away for that long
    deployment.options += ("-o", "app:tasks:dead_letter.max_attempts=100")
    load = Load(RATE, body=lambda n: {"n": n, "sleep": 0.01, "write": True})
    with deployment.replicas(PROGRAMS) as replicas:
        load.ports = replicas.ports
        with load.running():
            for _ in range(t.size.times):
                load.pause(t.chance.uniform(0.3, 1.0))
                pooler.kill()
                load.pause(t.chance.uniform(0.0, 0.5))
                pooler.start()
            load.pause(0.5)
        deployment.settle(load.accepted)
        replicas.stop()
        for program in replicas.programs:
            check_log(program, *WHILE_AWAY)
    t.outcome.accepted = len(load.accepted)
    t.outcome.twice = len(application.ended_twice(deployment.folder))
    assert load.answers.keys() == {202}, load.answers
    deployment.check_written(load.accepted)
