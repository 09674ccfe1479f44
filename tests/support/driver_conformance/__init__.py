"""The suite that every queue driver must pass: `check(implementation, other, case)` for each case.

To add a driver, make an `Implementation` of it. Its `cases` are those that need no capability which
its kind names in `unsupported`; all of them must pass, and none asks which driver it has. A case is
a coroutine function with some of these parameters:

    queue, other   two queues of the driver, which runs, with room for `MAX_LENGTH` messages each
    foreign        a queue of another driver, with the same room
    harness        the driver and its service: to declare more queues, to stop and to start it
    stopped        the same, before the service was ever started
    fake           the clock of the driver, which stands still; without it, the driver has real time
    begin          begins a transaction that the driver can join
"""

from __future__ import annotations

from tests.support.driver_conformance import (
    bounds,
    browsing,
    bulk,
    closing,
    dead_letters,
    delays,
    overflow,
    partitions,
    pauses,
    priorities_and_keys,
    publishing,
    rates,
    receiving,
    requeue_conflicts,
    requeues,
    restarts,
    schedules,
    settling,
    tasks,
    transactions,
)
from tests.support.driver_conformance.suite import CAPABILITIES, CASES, Case, cases, check, needed

__all__ = [
    "CAPABILITIES",
    "CASES",
    "Case",
    "bounds",
    "browsing",
    "bulk",
    "cases",
    "check",
    "closing",
    "dead_letters",
    "delays",
    "needed",
    "overflow",
    "partitions",
    "pauses",
    "priorities_and_keys",
    "publishing",
    "rates",
    "receiving",
    "requeue_conflicts",
    "requeues",
    "restarts",
    "schedules",
    "settling",
    "tasks",
    "transactions",
]
