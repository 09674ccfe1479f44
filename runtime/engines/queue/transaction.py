"""Transaction: what a handler writes together with the end of its message."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol


class Transaction(Protocol):
    """A database's transaction. What a driver needs of it is between the two of them."""

    @property
    def blocking(self) -> Any:
        """The same transaction, for a handler that is a plain `def`."""
        ...

    def abandon(self) -> None:
        """Roll it back now, although a thread may still use it: its next use raises."""
        ...


Transactions = Callable[[], AbstractAsyncContextManager[Transaction]]
"""Opens one: leaving it well commits, an exception rolls back, and then nothing was written."""
