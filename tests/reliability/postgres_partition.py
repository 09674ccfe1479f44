"""Partition: the host of a worker is cut off for three leases while its handlers run.

Its messages run on another host meanwhile, and its late acks are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from tests.reliability import application
from tests.reliability.audit import check_log
from tests.reliability.deployment import WHILE_AWAY, WORKER, Deployment, serving
from tests.reliability.load import post
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.blackbox import eventually
from tests.support.hosts import Network, require_hosts

NAME = "PostgreSQL: a worker's host cut off for 3 leases, then back"
SHORT = Size(messages=2, seconds=2.0)
LONG = Size(messages=6, seconds=10.0)
"""The seconds are those of the lease."""


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """Half of the handlers write in the transaction of their ack, and half do not.

    The slowest recovery is from the cut until the first of them runs elsewhere: they run one at a
    time there.
    """
    require_hosts()
    with (
        trial(NAME, folder, size, seed) as t,
        network() as net,
        serving(host=net.address) as server,
        ThreadPoolExecutor() as pool,
    ):
        lease = size.seconds
        deployment = Deployment(folder, server, f"{server.url}?sslmode=disable")
        deployment.change(lease=f"{lease:g}s", heartbeat=f"{lease / 4:g}s")
        near, far = net.host(), net.host()
        with (
            deployment.program("--except", WORKER) as web,
            deployment.program("--only", WORKER, inside=[*far.within]) as cut,
        ):
            bodies = [{"n": n, "sleep": lease, "write": n % 2 == 0} for n in range(size.messages)]
            accepted = [id for id in pool.map(lambda body: post(web.port, **body), bodies) if id]
            eventually(lambda: len(application.starts(folder)) == size.messages)
            far.cut()
            began = monotonic()
            with deployment.program("--only", WORKER, inside=[*near.within]) as other:
                eventually(lambda: application.twice(folder), lease + 20)
                t.outcome.recovery = monotonic() - began
                eventually(lambda: monotonic() > began + 3 * lease, 4 * lease)
                far.join()
                cut.wait_for("lease expired", 3 * lease)
                for id in accepted:
                    cut.wait_for(f"message {id} was no longer held", 3 * lease)
                deployment.settle(accepted, within=60 + size.messages * lease)
                more = [id for n in range(20) if (id := post(web.port, n=n, write=True))]
                deployment.settle([*accepted, *more])
                assert other.stop() == cut.stop() == web.stop() == 0
                for program in (web, cut, other):
                    check_log(program, *WHILE_AWAY)
        t.outcome.accepted = len(accepted) + len(more)
        t.outcome.twice = application.twice(folder)
        assert t.outcome.twice == size.messages
        rows = deployment.written()
        assert rows.total() == len(rows), "a row was written twice"
        assert rows.keys() == {*accepted[::2], *more}
    return t.outcome


@contextmanager
def network() -> Iterator[Network]:
    net = Network()
    try:
        yield net
    finally:
        net.remove()
