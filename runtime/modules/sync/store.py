"""store, for a `def`: as `runtime.modules.store`, without `await`."""

from __future__ import annotations

from runtime.engines.store.blocking import BlockingStore as Store
from runtime.engines.store.contract import ABSENT, Full
from runtime.modules import store
from runtime.service import Unavailable

__all__ = ["ABSENT", "Full", "Store", "Unavailable", "get"]


def get(id: str) -> Store:
    """The store of an entry, as `runtime.modules.store.get` finds it."""
    return store.get(id).blocking
