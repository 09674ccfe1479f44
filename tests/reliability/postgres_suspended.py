"""A suspended server: PostgreSQL gets SIGSTOP under load, and SIGCONT later.

Its connections stay open, and nobody answers.
"""

from __future__ import annotations

from pathlib import Path
from time import monotonic

from tests.reliability import application
from tests.reliability.audit import check_log
from tests.reliability.deployment import WHILE_AWAY, Deployment, serving
from tests.reliability.load import Load
from tests.reliability.scenario import Outcome, Size, trial

NAME = "PostgreSQL: SIGSTOP of the server under 100 tasks/s, then SIGCONT"
SHORT = Size(seconds=4.0)
LONG = Size(seconds=15.0)
SHORT_LEASE = {"lease": "2s", "heartbeat": "500ms"}
"""A statement of the driver has half a lease, and 2 s at least; the default lease is 10 s."""
RATE = 100
PROGRAMS = 2


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """The slowest recovery is the longest that a client waited for an answer."""
    with trial(NAME, folder, size, seed) as t, serving() as server:
        deployment = Deployment(folder, server)
        if size == SHORT:
            deployment.change(**SHORT_LEASE)
        load = Load(RATE, body=lambda n: {"n": n, "sleep": 0.01, "write": True})
        with deployment.replicas(PROGRAMS) as replicas:
            load.ports = replicas.ports
            with load.running():
                load.pause(1.0)
                server.suspend()
                load.pause(size.seconds)
                assert load.answers[503] > 0, "no client was told while the server stood still"
                server.resume()
                load.accepted_after(monotonic())
                load.pause(1.0)
            deployment.settle(load.accepted)
            assert not any(program.ended for program in replicas.programs)
            replicas.stop()
            for program in replicas.programs:
                check_log(program, *WHILE_AWAY)
        t.outcome.accepted = len(load.accepted)
        t.outcome.twice = len(application.ended_twice(folder))
        t.outcome.recovery = max(load.waits)
        assert load.answers.keys() <= {202, 503}, load.answers
        assert load.unanswered == 0
        deployment.check_written(load.accepted)
    return t.outcome
