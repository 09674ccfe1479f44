"""A forgotten snapshot: somebody keeps a transaction open, and PostgreSQL removes no dead row.

The leader warns of it by name, and cleans up once it has ended.
"""

from __future__ import annotations

from pathlib import Path

import psycopg

from tests.reliability import application
from tests.reliability.audit import check_log
from tests.reliability.deployment import LEFT, Deployment, serving
from tests.reliability.load import Load
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.blackbox import eventually

NAME = "PostgreSQL: a forgotten snapshot, 500 tasks/s meanwhile"
SHORT = Size(seconds=1.0)
LONG = Size(seconds=60.0)
"""The seconds are those after which it is old."""
RATE = 500
IMPATIENT = """
from runtime.engines.queue.sql.postgres import cleaning, leader
cleaning._HOLDING = cleaning._HOLDING.replace("secs => 60", "secs => 1")
cleaning.DEAD_ROWS = 100
leader.CLEANING_INTERVAL = 1.0
"""
DEAD = "SELECT pg_stat_get_dead_tuples('runtime_message'::regclass)"
FORGETFUL = "somebody"


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """The slowest recovery is the longest that a client waited for an answer."""
    with trial(NAME, folder, size, seed) as t, serving() as server:
        deployment = Deployment(folder, server)
        deployment.change(retention="0s")
        load = Load(RATE, body=lambda n: {"n": n})
        before = IMPATIENT if size == SHORT else ""
        with deployment.program(before=before) as program:
            load.port = program.port
            url = f"{server.url}?application_name={FORGETFUL}"
            with load.running(), psycopg.connect(url) as forgotten:
                forgotten.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                forgotten.execute("SELECT 1")
                warning = program.wait_for(f"of {FORGETFUL}", size.seconds + 30)
                assert "is idle in a transaction" in warning["message"]
                left = int(str(server.execute(DEAD)[0][0]))
                load.end()
            eventually(lambda: server.execute(LEFT) == [(0,)], 60)
            assert load.accepted.keys() <= application.ended(folder)
            eventually(lambda: int(str(server.execute(DEAD)[0][0])) < left / 2, 60)
            assert program.stop() == 0
            check_log(program)
        t.outcome.accepted = len(load.accepted)
        t.outcome.twice = application.twice(folder)
        t.outcome.recovery = max(load.waits)
        assert load.answers.keys() == {202}, load.answers
    return t.outcome
