"""Failover: the primary is killed whole under load, and its standby takes over."""

from __future__ import annotations

from time import monotonic

from tests.reliability import application
from tests.reliability.audit import check_log
from tests.reliability.deployment import WHILE_AWAY, Deployment, serving
from tests.reliability.load import Load
from tests.reliability.scenario import Trial
from tests.support.blackbox import eventually
from tests.support.postgres_server import PostgresServer
from tests.support.tcp_proxy import TcpProxy

RATE = 300
PROGRAMS = 2
NAME = "standby"
LAG = 0.2
"""Seconds by which an asynchronous standby lags behind."""


def fail_over(t: Trial, *, synchronous: bool) -> None:
    """Fail over as often as the size says, on servers of their own each time.

    The standby follows through a line that stands still for 0.2 s before the primary is killed, if
    it is asynchronous: what was accepted in that time may be lost, and nothing before it.
    """
    slowest = 0.0
    for turn in range(t.size.times):
        with serving() as primary:
            line = TcpProxy(primary.port)
            try:
                slowest = max(slowest, _once(t, turn, primary, line, synchronous))
            finally:
                line.close()
    t.outcome.recovery = slowest


def _once(t: Trial, turn: int, primary: PostgresServer, line: TcpProxy, synchronous: bool) -> float:
    follows = f"host=127.0.0.1 port={line.port} user=postgres application_name={NAME}"
    standby = primary.standby(NAME, primary_conninfo=follows)
    standby.start()
    if synchronous:
        primary.settings["synchronous_standby_names"] = NAME
        primary.restart()
        eventually(lambda: primary.execute(SYNCHRONOUS) == [("sync",)], 20)
    dsn = (
        f"postgresql://postgres@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/postgres"
        "?target_session_attrs=read-write"
    )
    folder = t.folder / f"turn-{turn}"
    deployment = Deployment(folder, primary, dsn)
    load = Load(RATE, body=lambda n: {"n": n, "sleep": 0.01, "write": True})
    with deployment.replicas(PROGRAMS) as replicas:
        load.ports = replicas.ports
        with load.running():
            load.pause(t.chance.uniform(1.0, 2.0))
            stood_at = monotonic()
            if not synchronous:
                line.hold()
                load.pause(LAG)
            primary.kill()
            load.pause(t.chance.uniform(0.0, 1.0))
            standby.promote()
            recovery = load.accepted_after(monotonic())
            load.pause(1.0)
        deployment.server = standby
        late = {id for id, at in load.accepted_at.items() if at > stood_at - SLACK}
        found = deployment.settle(load.accepted, lost=0 if synchronous else len(late))
        assert found.lost <= late, "lost although the standby had it"
        replicas.stop()
        for program in replicas.programs:
            check_log(program, *WHILE_AWAY)
    assert load.answers.keys() <= {202, 503}, load.answers
    deployment.check_written(load.accepted.keys() - found.lost)
    t.outcome.accepted += len(load.accepted)
    t.outcome.lost += len(found.lost)
    t.outcome.twice += len(application.ended_twice(folder))
    return recovery


SYNCHRONOUS = f"SELECT sync_state FROM pg_stat_replication WHERE application_name = '{NAME}'"
SLACK = 0.05
"""Seconds that an answer may take to its client."""
