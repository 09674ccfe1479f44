"""Overrun: the program gets SIGTERM while a handler runs far longer than `stop_timeout`."""

from __future__ import annotations

import signal
from pathlib import Path
from time import monotonic

from tests.reliability import application
from tests.reliability.audit import check_integrity, check_log, settle, table
from tests.reliability.load import post
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.blackbox import eventually
from tests.support.program import running

NAME = "SIGTERM while a handler needs 60 s, stop_timeout 3 s"
SHORT = LONG = Size(messages=1)


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """The message is released, its attempt unspent, and another program claims it at once."""
    with trial(NAME, folder, size, seed) as t:
        application.write(folder)
        options = ("-o", "app:worker:lifecycle.stop_timeout=3s", "-o", "app:driver:lease=1m")
        with running(folder, *options, env={"HANG": "1"}) as program:
            id = post(program.port, do="hang")
            assert id is not None
            eventually(lambda: application.starts(folder)[id] == 1)
            with running(folder, *options) as other:
                began = monotonic()
                program.signal(signal.SIGTERM)
                eventually(lambda: application.starts(folder)[id] == 2, within=5)
                released = monotonic()
                assert program.wait(5 - (released - began)) == 6, program.stderr
                settle(folder, [id])
                assert other.stop() == 0
                check_log(other)
            check_log(program)
        attempts = [note.attempt for note in application.notes(folder)]
        assert attempts == [1, 1, 1], "the attempt was spent"
        assert table(folder, "SELECT suspect FROM runtime_message") == [(0,)]
        check_integrity(folder)
        t.outcome.accepted = 1
        t.outcome.recovery = released - began - 3
    return t.outcome
