"""The suite that every store of durable queues must pass: `check(implementation, case)`.

To add a store, add a `StoreImplementation` to `tests/support/stores.py`. A case is a coroutine
function with some of these parameters:

    here, there    stores of two programs in one database, which are open
    site           the database, to make more stores and to begin transactions
"""

from __future__ import annotations

from tests.support.store_conformance import (
    claiming,
    letters,
    owners,
    publishing,
    settling,
    transactions,
)
from tests.support.store_conformance.suite import CASES, Case, check

__all__ = [
    "CASES",
    "Case",
    "check",
    "claiming",
    "letters",
    "owners",
    "publishing",
    "settling",
    "transactions",
]
