"""Limits over a partition: the host of a worker is cut off while it has all that a key may have.

Another program begins the messages of its keys once its lease has expired, within the same limits.
"""

from __future__ import annotations

from pathlib import Path
from time import monotonic

from tests.reliability import application, declared
from tests.reliability.audit import check_log
from tests.reliability.deployment import WHILE_AWAY, WORKER, Deployment, serving
from tests.reliability.load import post
from tests.reliability.postgres_partition import network
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.blackbox import eventually
from tests.support.hosts import require_hosts

NAME = "PostgreSQL: the host of a worker with limits cut off for 2 leases, then back"
SHORT = Size(messages=12, seconds=2.0)
LONG = Size(messages=24, seconds=10.0)
"""The seconds are those of the lease."""


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """The handlers of the host that is cut off are nobody's from then on, and do not count.

    The slowest recovery is from the cut until the first of its messages runs elsewhere.
    """
    require_hosts()
    with (
        trial(NAME, folder, size, seed) as t,
        network() as net,
        serving(host=net.address) as server,
    ):
        lease = size.seconds
        dsn = f"{server.url}?sslmode=disable"
        deployment = Deployment(folder, server, dsn, write=declared.write)
        deployment.options += ("-o", "app:db:pool.size=12")
        deployment.change(lease=f"{lease:g}s", heartbeat=f"{lease / 4:g}s")
        near, far = net.host(), net.host()
        with (
            deployment.program("--except", WORKER) as web,
            deployment.program("--only", WORKER, inside=[*far.within]) as cut,
        ):
            accepted = {}
            for n in range(0, 4 * size.messages, 4):  # those for the queue with limits
                id = post(web.port, **declared.body(n), sleep=lease)
                accepted[id or ""] = n
            at_once = declared.PER_KEY * declared.TENANTS
            eventually(lambda: len(application.starts(folder)) == at_once)
            far.cut()
            began = monotonic()
            with deployment.program("--only", WORKER, inside=[*near.within]) as other:
                eventually(lambda: application.twice(folder), lease + 20)
                t.outcome.recovery = monotonic() - began
                eventually(lambda: monotonic() > began + 2 * lease, 3 * lease)
                far.join()
                cut.wait_for("lease expired", 3 * lease)
                within = 60 + size.messages * lease
                eventually(lambda: server.execute(declared.LEFT) == [(0,)], within)
                assert other.stop() == cut.stop() == web.stop() == 0
                for program in (web, cut, other):
                    check_log(program, *WHILE_AWAY)
        t.outcome.accepted = declared.check_written(deployment.written(), accepted)
        t.outcome.twice = application.twice(folder)
        declared.check_limits(folder, accepted, {cut.pid: began})
    return t.outcome
