"""Fire times: a schedule in eight programs on a PostgreSQL server; at each time one gets SIGKILL.

Each planned time is one message, whose handler writes a row in the transaction of its ack.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from tests.reliability import application
from tests.reliability.audit import check_log
from tests.reliability.deployment import LEFT, Deployment, serving
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.blackbox import eventually

NAME = "PostgreSQL: SIGKILL of one program of eight at each time of a schedule"
SHORT = Size(times=4)
LONG = Size(times=200)
PROGRAMS = 8
OLDEST = 4
"""One of these is killed: they are ready, which those that take their places may not be yet."""
EVERY = 2
"""Seconds from one planned time to the next."""
AROUND = 0.1
"""Seconds before and after a planned time in which the program is killed."""
SCHEDULE = f"""
  - name: ticks
    kind: schedule.cron
    every: {EVERY}s
    queue: tasks
    body: {{mark: true}}
    overlap: allow
"""


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """Accepted are the messages; every planned time between the first and the last has one."""
    with trial(NAME, folder, size, seed) as t, serving() as server:
        deployment = Deployment(folder, server, more=SCHEDULE)
        deployment.options += ("-o", "app:db:pool.size=4", "-o", "app:worker:concurrency=1")
        waiting = Event()
        with deployment.replicas(PROGRAMS) as replicas:
            began = at = _next()
            for _ in range(size.times):
                waiting.wait(max(0.0, at + t.chance.uniform(-AROUND, AROUND) - time.time()))
                victim = replicas.programs.pop(t.chance.randrange(OLDEST))
                victim.kill()
                check_log(victim)
                replicas.add(ready=False)
                at = _next()
            ended = at - EVERY
            eventually(lambda: max(deployment.written(), default="") >= _said(ended))
            eventually(lambda: server.execute(LEFT) == [(0,)], 60.0)
            for program in replicas.programs:
                program.wait_for("ready in")
                check_log(program)
            replicas.stop()
        written = deployment.written()
        planned = [_said(at) for at in range(began, ended + 1, EVERY)]
        assert [time for time in planned if written[time] != 1] == []
        t.outcome.accepted = len(planned)
        t.outcome.twice = application.twice(folder)
        assert len(planned) == size.times
    return t.outcome


def _next() -> int:
    """The next planned time, in seconds since 1970, with the time in which a kill may come."""
    return (int(time.time() + AROUND) // EVERY + 1) * EVERY


def _said(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
