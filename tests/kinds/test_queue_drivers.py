"""Every driver, put through the one suite of `tests/support/driver_conformance.py`."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.driver_conformance import CASES, Case, check
from tests.support.implementations import ENTRANTS


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
@pytest.mark.parametrize("driver", ENTRANTS)
def test_driver(driver: str, case: Case) -> None:
    names = list(ENTRANTS)
    next_one = names[(names.index(driver) + 1) % len(names)]

    asyncio.run(check(ENTRANTS[driver], ENTRANTS[next_one], case))
