"""Places: the program dies at the 1st, 2nd, … n-th place where it may, until one run lives.

Several programs do so side by side, each in a folder of its own, where every run begins with what
the run before left behind.
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
from tests.reliability.audit import account, no_surprise, settle, sound, table
from tests.reliability.load import post, served
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.blackbox import ROOT, eventually
from tests.support.program import Program, running

NAME = "death at every place of the code"
SHORT = Size(messages=1, times=4)
LONG = Size(messages=4, times=4)
"""Of each sort that many messages in each run, and that many programs side by side."""

STRAYS = """
  - {name: elsewhere, kind: db.sql.sqlite, file: data/b.db}
  - {name: other, kind: queue.driver.sql, database: elsewhere, lifecycle: {auto_start: true}}
  - {name: letters, kind: queue.queue, driver: other}
  - {name: strays, kind: queue.queue, driver: driver, dead_letter: {queue: letters}}
  - {name: sorter, kind: queue.consumer, queue: strays, func: work, lifecycle: {auto_start: true}}
"""
SORTS: tuple[dict[str, Any], ...] = (
    {"delay": 0.02, "do": "fail once", "write": True},
    {"do": "reject"},
    {"do": "hang"},
)
OPEN = "SELECT id FROM runtime_message WHERE state < 3 AND queue <> 'dead'"
HANGS = "state = 2 AND CAST(body AS TEXT) LIKE '%hang%'"


def in_the_code() -> set[str]:
    """The places, found in the code itself."""
    call = re.compile(r'failpoint\.point\(\s*"(.*?)"')
    files = (ROOT / "runtime").rglob("*.py")
    return {name for file in files for name in call.findall(file.read_text())}


class Lane:
    """One folder, where one program after the other dies."""

    def __init__(self, folder: Path, messages: int) -> None:
        self.folder = application.write_transactional(folder, STRAYS)
        self.accepted: dict[str, str | None] = {}
        """Ids, and what their handler was to do."""
        self.strays: set[str] = set()
        """Those that die on the way to another driver."""
        self.plain: set[str] = set()
        """Those whose ack is nothing but an ack."""
        self.died_at: set[str] = set()
        self._messages = messages

    def sweep(self, first: int, step: int) -> int:
        """Die at the first-th place, and then each step-th, until a run lives; how many died."""
        assert self.die("queue.settle.before_commit"), "the first run leaves something behind"
        number = first
        while self.die(f":{number}"):
            number += step
        return number

    def die(self, armed: str) -> bool:
        """One run that should die where it is told; whether it did."""
        options = (
            *("-o", "app:worker:lifecycle.stop_timeout=200ms"),
            *("-o", "app:worker:concurrency=50"),  # what hangs is never in the way
        )
        env = {"RUNTIME_FAULT": armed, "HANG": "1"}
        with running(self.folder, *options, ready=False, env=env) as program:
            self._use(program)
            program.signal(signal.SIGTERM)
            code = program.wait()
            no_surprise(program, "ValueError", "Reject")
        if code != failpoint.EXIT_CODE:
            assert code in (0, 6), program.stderr
            return False
        self.died_at |= set(re.findall(r"^fault: (\S+)", program.stderr, re.MULTILINE))
        if (self.folder / "data" / "a.db").exists() and table(
            self.folder, "SELECT 1 FROM sqlite_master WHERE name = 'runtime_queue'"
        ):
            sound(self.folder)
            lost = account(self.folder, self.accepted).lost
            assert not lost, f"lost by RUNTIME_FAULT={armed}: {lost}"
        return True

    def finish(self) -> None:
        """A run that nothing happens to settles all that was left."""
        with running(self.folder) as program:
            settle(self.folder, self.accepted, [*self.accepted.values()].count("reject"))
            eventually(lambda: table(self.folder, OPEN) == [])
            assert program.stop() == 0
            no_surprise(program, "ValueError", "Reject")
        with closing(sqlite3.connect(self.folder / "data" / "b.db")) as connection:
            letters = {id for (id,) in connection.execute("SELECT id FROM runtime_message")}
        assert self.strays <= letters, f"lost on the way to the other driver: {letters}"
        assert self.plain <= application.ended(self.folder)
        written = Counter(id for (id,) in table(self.folder, "SELECT id FROM written"))
        assert set(written.values()) == {1}, "what was written with an ack was written twice"
        failed_once = {id for id, do in self.accepted.items() if do == "fail once"}
        assert failed_once <= written.keys(), "done, and not written"

    def _use(self, program: Program) -> None:
        """Publish some of each sort, and wait until only what hangs is open, or it is dead."""
        if (port := served(program)) is None:
            return
        for body in SORTS * self._messages:
            if (id := post(port, **body)) is not None:
                self.accepted[id] = body.get("do")
        if (id := post(port, do="reject", queue="strays")) is not None:
            self.strays.add(id)
        if (id := post(port, queue="strays")) is not None:
            self.plain.add(id)
        unsettled = f"{OPEN} AND NOT ({HANGS})"
        eventually(lambda: program.ended or not table(self.folder, unsettled), 20)


def run(folder: Path, size: Size, seed: int) -> Outcome:
    with trial(NAME, folder, size, seed) as t:
        lanes = [Lane(folder / str(number), size.messages) for number in range(size.times)]
        with ThreadPoolExecutor(size.times) as pool:
            list(pool.map(lambda n: lanes[n].sweep(n + 1, size.times), range(size.times)))
            died_at = set().union(*(lane.died_at for lane in lanes))
            missing = sorted(in_the_code() - died_at)
            list(pool.map(lambda pair: pair[0].die(pair[1]), zip(lanes, missing, strict=False)))
            list(pool.map(Lane.finish, lanes))
        died_at = set().union(*(lane.died_at for lane in lanes))
        assert died_at == in_the_code() == set(failpoint.POINTS), in_the_code() - died_at
        t.outcome.accepted = sum(len(lane.accepted) for lane in lanes)
        t.outcome.twice = sum(map(repeated, lanes))
    return t.outcome


def repeated(lane: Lane) -> int:
    """How often a handler was started again that did not ask for it."""
    asked = sum(do == "fail once" for do in lane.accepted.values())
    return application.twice(lane.folder) - asked
