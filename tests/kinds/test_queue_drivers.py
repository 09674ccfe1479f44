"""Every driver, put through the one suite of `tests/support/driver_conformance`."""

from __future__ import annotations

import asyncio

import pytest
import runtime_nats

from runtime.kinds.queue.driver import amqp, memory, sql
from tests.support.driver_conformance import CAPABILITIES, CASES, Case, cases, check, needed
from tests.support.implementations import IMPLEMENTATIONS

BROKER = {
    "transaction",
    "unique",
    "schedule",
    "priority",
    "dead_letters",
    "exact_length",
    "overflow",
    "release",
    "info",
    "rate",
    "concurrency_by",
    "tasks",
    "pause",
}
LACKS = {memory: {"transaction"}, sql: set(), amqp: BROKER, runtime_nats: BROKER}
"""What each driver may be without. The suite leaves the cases out that need it."""


@pytest.mark.parametrize(
    ("driver", "case"),
    [
        pytest.param(name, case, id=f"{name}-{case.__name__}")
        for name, implementation in IMPLEMENTATIONS.items()
        for case in cases(implementation.unsupported)
    ],
)
def test_driver(driver: str, case: Case) -> None:
    other = "sql" if driver == "memory" else "memory"

    asyncio.run(check(IMPLEMENTATIONS[driver], IMPLEMENTATIONS[other], case))


def test_no_driver_is_without_more_than_it_may_be() -> None:
    assert {module: {*module.kind.unsupported} for module in LACKS} == LACKS


def test_whatever_a_driver_may_be_without_is_needed_by_a_case() -> None:
    assert frozenset().union(*map(needed, CASES)) == {*CAPABILITIES}
