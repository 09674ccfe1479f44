"""Every store of durable queues, put through the suite of `tests/support/store_conformance`."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.store_conformance import CASES, Case, check
from tests.support.stores import STORES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
@pytest.mark.parametrize("store", STORES)
def test_store(store: str, case: Case) -> None:
    asyncio.run(check(STORES[store], case))
