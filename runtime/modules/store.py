"""store: values by key, for handlers.

    sessions = store.get("app:sessions")
    await sessions.set(token, {"user": "ada"}, ttl="30m")
    session = await sessions.get(token)

Of several that try to take a key, one gets it:

    if await sessions.compare_and_set("leader", store.ABSENT, me, ttl=10):
        …
"""

from __future__ import annotations

from runtime.engines.store.contract import ABSENT, Full
from runtime.engines.store.contract import KeyValueStore as Store
from runtime.handlers.context import component
from runtime.service import Unavailable

__all__ = ["ABSENT", "Full", "Store", "Unavailable", "get"]


def get(id: str) -> Store:
    """The store of an entry; a bare name means the namespace of the calling entry.

    Raises LookupError for an unknown entry, TypeError for one that is no store.
    """
    store: Store = component(id, "store", "store.*", "compare_and_set")
    return store
