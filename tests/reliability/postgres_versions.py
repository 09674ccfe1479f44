"""Old and new: programs of two versions work on one queue, and the tables are migrated under load.

The new program is this one with one migration more, which adds a column. While its tables admit the
old one, neither notices the other; once they do not, the old one is refused.
"""

from __future__ import annotations

from pathlib import Path

from runtime.engines.queue.sql.postgres import tables
from tests.reliability import application
from tests.reliability.audit import check_log
from tests.reliability.deployment import Deployment, serving
from tests.reliability.load import Load
from tests.reliability.scenario import Outcome, Size, Trial, trial
from tests.support.program import Program

NAME = "PostgreSQL: an old and a new program on one queue, migrated at 200 tasks/s"
SHORT = Size(seconds=1.0)
LONG = Size(seconds=10.0)
RATE = 200
NEWER = """
from runtime.engines.queue.sql.postgres import tables
tables.MIGRATIONS[tables.VERSION] = (
    "ALTER TABLE {{schema}}.runtime_message ADD COLUMN added text;"
    "CREATE INDEX runtime_message_added ON {{schema}}.runtime_message (added)"
)
tables.VERSION += 1
tables.OLDEST = {oldest}
"""
OLD, NEW = tables.VERSION, tables.VERSION + 1
"""The versions of the two programs."""


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """First the old program publishes and the new one works, then the other way round."""
    with trial(NAME, folder, size, seed) as t, serving() as server:
        deployment = Deployment(folder, server)
        load = Load(RATE, body=lambda n: {"n": n, "sleep": 0.01, "write": True})
        with deployment.program() as old:
            load.port = old.port
            with load.running():
                load.pause(size.seconds)
                with deployment.program(before=NEWER.format(oldest=OLD)) as new:
                    both(t, load, old, new)
                    assert old.stop() == 0, old.stderr
                    load.port = new.port
                    with deployment.program() as again:
                        both(t, load, new, again)
                        load.port = again.port
                        assert new.stop() == 0, new.stderr
                        load.pause(size.seconds)
                        load.end()
                        deployment.settle(load.accepted)
                        assert again.stop() == 0, again.stderr
            for program in (old, new, again):
                check_log(program)
        t.outcome.accepted = len(load.accepted)
        t.outcome.twice = application.twice(folder)
        assert load.answers.keys() == {202}, load.answers
        assert t.outcome.twice == 0
        deployment.check_written(load.accepted)
        refuse(deployment)
    return t.outcome


def both(t: Trial, load: Load, first: Program, second: Program) -> None:
    """Post to both in turn, while both work."""
    load.ports = (first.port, second.port)
    load.pause(t.size.seconds)


def refuse(deployment: Deployment) -> None:
    """Tables that only new programs may use are left alone by the old one, which says why."""
    deployment.server.execute("UPDATE runtime_version SET oldest = %s", NEW)
    with deployment.program(ready=False) as old:
        assert old.wait() == 4, old.stderr
        assert f"of version {NEW}" in old.stderr, old.stderr
