"""Every driver, put through the one suite of `tests/support/driver_conformance`."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.driver_conformance import CASES, Case, check
from tests.support.implementations import IMPLEMENTATIONS


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
@pytest.mark.parametrize("driver", IMPLEMENTATIONS)
def test_driver(driver: str, case: Case) -> None:
    other = "sql" if driver == "memory" else "memory"

    asyncio.run(check(IMPLEMENTATIONS[driver], IMPLEMENTATIONS[other], case))
