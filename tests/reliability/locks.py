"""Locks: many programs write to one file, and another one holds its write lock for seconds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.reliability import application
from tests.reliability.audit import check_log, settle, table
from tests.reliability.load import Load
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.blackbox import ROOT, eventually
from tests.support.program import running

NAME = "32 writers in 4 programs, a foreign lock of up to 4 s"
SHORT = Size(seconds=9)
LONG = Size(seconds=600)
WRITERS = 8
"""Threads that write, or clients that post, for each program."""

HOLDER = """
import random, sqlite3, sys, time

connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
until, chance = time.monotonic() + float(sys.argv[2]), random.Random(int(sys.argv[3]))
hold = 4.0
while time.monotonic() < until:
    connection.execute("BEGIN IMMEDIATE")
    time.sleep(hold)
    connection.execute("COMMIT")
    print(hold, flush=True)
    time.sleep(chance.uniform(0.5, 1.0))
    hold = chance.uniform(0.1, 4.0)
"""


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """Neither clients nor handlers notice a lock that is released within the time-out."""
    with trial(NAME, folder, size, seed) as t:
        application.write(folder)
        file = str(folder / "data" / "a.db")
        loads = [Load(100, clients=WRITERS) for _ in range(2)]
        with ExitStack() as stack:
            programs = [stack.enter_context(running(folder)) for _ in loads]
            seconds = str(size.seconds)
            writer = ("-m", "tests.reliability.writer", file, seconds, str(WRITERS))
            others = [stack.enter_context(python(*writer)) for _ in range(2)]
            eventually(lambda: table(folder, "SELECT 1 FROM sqlite_master WHERE name = 'written'"))
            others.append(stack.enter_context(python("-c", HOLDER, file, seconds, str(seed))))
            for program, load in zip(programs, loads, strict=True):
                load.port = program.port
                stack.enter_context(load.running())
            for other in others:
                said, errors = other.communicate(timeout=size.seconds + 60)
                assert other.returncode == 0, errors
            for load in loads:
                load.end()
            accepted = {id for load in loads for id in load.accepted}
            settle(folder, accepted)
            for program in programs:
                assert "is locked" not in program.stderr, program.stderr
                assert program.stop() == 0
                check_log(program)
        answers = {status for load in loads for status in load.answers}
        assert answers == {202}, f"answered with {answers}"
        t.outcome.accepted = len(accepted)
        t.outcome.twice = application.twice(folder)
        t.outcome.recovery = max(wait for load in loads for wait in load.waits)
        assert t.outcome.twice == 0
        assert said, "the lock was never held"
    return t.outcome


@contextmanager
def python(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Another Python process that finds this repository's modules, killed at the end."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()
