"""Poison: messages that crash the program, among good ones."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from tests.reliability import application
from tests.reliability.audit import backlog, check_log, settle, table
from tests.reliability.load import Load, served
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.blackbox import eventually
from tests.support.program import Program, running

NAME = "handlers that SIGKILL, SIGSEGV or eat all memory, among good ones"
SHORT = Size(messages=500, times=1)
LONG = Size(messages=5_000, times=3)
"""Good messages, and poisonous ones of each sort."""
ATTEMPTS = 3
BAD = ("kill", "segv", "eat")
LIMIT = 1 << 30
LITTLE_MEMORY = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({LIMIT}, {LIMIT}))"


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """Each bad message is dead after its attempts, and every good one is done."""
    with trial(NAME, folder, size, seed) as t:
        changes = {"dead_letter: {queue: dead}": "dead_letter: {queue: dead, max_attempts: 3}"}
        application.write(folder, changes)
        numbers = t.chance.sample(range(size.messages), len(BAD) * size.times)
        bad = dict(zip(numbers, BAD * size.times, strict=True))
        load = Load(
            1000,
            size.messages + len(bad),
            # delayed, so that the crash comes after the 202
            body=lambda n: {"n": n, "do": bad[n], "delay": 0.2} if n in bad else {"n": n},
        )
        with load.running():
            for _ in range(size.times * ATTEMPTS * len(BAD) + 1):
                with running(folder, ready=False, before=LITTLE_MEMORY) as program:
                    load.port = served(program) or 0
                    done = partial(over, program, load, folder)
                    eventually(done, within=60)
                    check_log(program, "MemoryError")
                    if not program.ended:
                        settle(folder, load.accepted, dead=len(bad))
                        assert program.stop() == 0
                        break
        starts = application.starts(folder)
        letters = table(folder, "SELECT id, headers FROM runtime_message WHERE queue = 'dead'")
        reasons = {id: json.loads(headers)["x_dead_letter_reason"] for id, headers in letters}
        t.outcome.accepted = len(load.accepted)
        t.outcome.twice = sum(count - 1 for id, count in starts.items() if id not in reasons)
        assert len(reasons) == len(bad)
        for id, reason in reasons.items():
            do = bad[load.accepted[id]]
            # The last attempt of one that eats may end with the crash of another bad message.
            assert reason == "crashed" or (do, reason) == ("eat", "attempts"), do
            # Another bad message may crash the program between the claim and the handler.
            assert starts[id] in (ATTEMPTS - 1, ATTEMPTS), f"{do} was started {starts[id]} times"
    return t.outcome


def over(program: Program, load: Load, folder: Path) -> bool:
    """True once the program ended, or has nothing left to do."""
    return program.ended or (load.done and not backlog(folder))
