"""Failpoint sweep: the program crashes at its 1st, 2nd, … n-th pass of a failpoint.

The sweep ends with the first run that survives. Several sweeps run side by side, each in its own
folder, and every run starts from what the run before left behind.
"""

from __future__ import annotations

import re
import signal
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from runtime import failpoint
from tests.reliability import application
from tests.reliability.audit import audit, check_integrity, check_log, settle, table
from tests.reliability.load import post, served
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.blackbox import ROOT, eventually
from tests.support.program import Program, running

NAME = "a crash at every failpoint"
SHORT = Size(messages=1, times=3)
LONG = Size(messages=4, times=1)
"""Messages of each sort in a run, and the distance between two passes that crash."""
SIDE_BY_SIDE = 4

STRAYS = """
  - {name: elsewhere, kind: db.sql.sqlite, file: data/b.db}
  - {name: other, kind: queue.driver.sql, database: elsewhere, lifecycle: {auto_start: true}}
  - {name: letters, kind: queue.queue, driver: other}
  - {name: strays, kind: queue.queue, driver: driver, dead_letter: {queue: letters}}
  - {name: junk, kind: queue.queue, driver: driver}
  - {name: junker, kind: queue.consumer, queue: junk, func: work, lifecycle: {auto_start: true}}
  - {name: sorter, kind: queue.consumer, queue: strays, func: work, lifecycle: {auto_start: true}}
"""
SORTS: tuple[dict[str, Any], ...] = (
    {"delay": 0.02, "do": "fail once", "write": True},
    {"do": "reject"},
    {"do": "hang"},
)
OPEN = "SELECT id FROM runtime_message WHERE state < 3 AND queue <> 'dead'"
HANGS = "state = 2 AND CAST(body AS TEXT) LIKE '%hang%'"


def failpoints() -> set[str]:
    """The names of the queues' failpoints, found in the source itself. Those of migrations, which
    run once and before all of this, have a test of their own.
    """
    call = re.compile(r'failpoint\.point\(\s*"(queue\..*?)"')
    files = (ROOT / "runtime").rglob("*.py")
    return {name for file in files for name in call.findall(file.read_text())}


class Sweep:
    """A folder in which one program after the other crashes."""

    def __init__(self, folder: Path, messages: int) -> None:
        self.folder = application.write_transactional(folder, STRAYS)
        self.accepted: dict[str, str | None] = {}
        """Ids, and what their handler was told to do."""
        self.strays: set[str] = set()
        """Ids of messages whose dead letter queue is on another driver."""
        self.plain: set[str] = set()
        """Ids of messages that are acked outside of a transaction."""
        self.crashed_at: set[str] = set()
        self._messages = messages

    def sweep(self, first: int, step: int) -> int:
        """Crash at every `step`-th pass from `first` on, until a run survives; its number."""
        assert self.crash("queue.settle.before_commit"), "the first run leaves something behind"
        number = first
        while self.crash(f":{number}"):
            number += step
        return number

    def crash_at(self, failpoints: list[str]) -> None:
        for name in failpoints:
            self.crash(name)

    def crash(self, armed: str) -> bool:
        """One run with an armed failpoint; True if the program crashed there."""
        options = (
            *("-o", "app:worker:lifecycle.stop_timeout=200ms"),
            *("-o", "app:worker:concurrency=50"),  # handlers that hang never block others
        )
        env = {"RUNTIME_TESTING": "1", "RUNTIME_FAULT": armed, "HANG": "1"}
        with running(self.folder, *options, ready=False, env=env) as program:
            self._publish(program)
            program.signal(signal.SIGTERM)
            code = program.wait()
            check_log(program, "ValueError", "Reject")
        if code != failpoint.EXIT_CODE:
            assert code in (0, 6), program.stderr
            return False
        self.crashed_at |= set(re.findall(r"^fault: (\S+)", program.stderr, re.MULTILINE))
        if (self.folder / "data" / "a.db").exists() and table(
            self.folder, "SELECT 1 FROM sqlite_master WHERE name = 'runtime_queue'"
        ):
            check_integrity(self.folder)
            lost = audit(self.folder, self.accepted).lost
            assert not lost, f"lost by RUNTIME_FAULT={armed}: {lost}"
        return True

    def finish(self) -> None:
        """Check that a run without a crash settles everything that is left."""
        with running(self.folder) as program:
            settle(self.folder, self.accepted, [*self.accepted.values()].count("reject"))
            eventually(lambda: table(self.folder, OPEN) == [])
            assert program.stop() == 0
            check_log(program, "ValueError", "Reject")
        with closing(sqlite3.connect(self.folder / "data" / "b.db")) as connection:
            letters = {id for (id,) in connection.execute("SELECT id FROM runtime_message")}
        assert self.strays <= letters, (
            f"lost on the way to the other driver: {self.strays - letters}"
        )
        assert self.plain <= application.ended(self.folder)
        written = Counter(id for (id,) in table(self.folder, "SELECT id FROM written"))
        assert set(written.values()) == {1}, "a row of an acked message was written twice"
        failed_once = {id for id, do in self.accepted.items() if do == "fail once"}
        assert failed_once <= written.keys(), "acked without its row"

    def _publish(self, program: Program) -> None:
        """Publish messages of each sort; return once only those that hang are left, or it ended."""
        if (port := served(program)) is None:
            return
        for body in SORTS * self._messages:
            if (id := post(port, **body)) is not None:
                self.accepted[id] = body.get("do")
        if (stray := post(port, do="reject", queue="strays")) is not None:
            self.strays.add(stray)
        if (id := post(port, queue="strays")) is not None:
            self.plain.add(id)
        junk = post(port, do="reject", queue="junk")
        self._wait(program)
        # Dead letters of each place are requeued and die again. A stray is left twice by a crash
        # between its two drivers, so that only a new one is requeued.
        rejected = next((id for id, do in [*self.accepted.items()][::-1] if do == "reject"), None)
        for queue, letter in (("tasks", rejected), ("strays", stray), ("junk", junk)):
            post(port, do="requeue", queue=queue, letter=letter)
        self._wait(program)
        post(port, do="drop", queue="junk", letter=junk)

    def _wait(self, program: Program) -> None:
        """Until only messages that hang are left, or the program ended."""
        unsettled = f"{OPEN} AND NOT ({HANGS})"
        eventually(lambda: program.ended or not table(self.folder, unsettled), 20)


def run(folder: Path, size: Size, seed: int) -> Outcome:
    with trial(NAME, folder, size, seed) as t:
        numbers = range(SIDE_BY_SIDE)
        sweeps = [Sweep(folder / str(number), size.messages) for number in numbers]
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            step = SIDE_BY_SIDE * size.times
            list(pool.map(lambda n: sweeps[n].sweep(n + 1, step), numbers))
            crashed_at = set().union(*(sweep.crashed_at for sweep in sweeps))
            missing = sorted(failpoints() - crashed_at)
            list(pool.map(lambda n: sweeps[n].crash_at(missing[n::SIDE_BY_SIDE]), numbers))
            list(pool.map(Sweep.finish, sweeps))
        crashed_at = set().union(*(sweep.crashed_at for sweep in sweeps))
        assert crashed_at == failpoints() == set(failpoint.POINTS), failpoints() - crashed_at
        t.outcome.accepted = sum(len(sweep.accepted) for sweep in sweeps)
        t.outcome.twice = sum(map(repeated, sweeps))
    return t.outcome


def repeated(sweep: Sweep) -> int:
    """The number of starts beyond the first of each message and the retries it asked for."""
    asked = sum(do == "fail once" for do in sweep.accepted.values())
    return application.twice(sweep.folder) - asked
