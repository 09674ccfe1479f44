"""ServerClock: the time of a database server, as the messages that it keeps see it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from runtime.engines.sql.contract import Database
from runtime.linking.linker import LinkedManifest

_SHIFT = "UPDATE runtime_message SET place = place - ?"
"""`place` is when a message became ready, or will, in microseconds by the server's clock."""


class ServerClock:
    """Moves by making every message older. Real time passes on it too."""

    def __init__(self, databases: Collection[Database]) -> None:
        self._databases = databases

    async def move(self, seconds: float) -> None:
        """Let so much time pass."""
        for database in self._databases:
            await database.execute(_SHIFT, (round(seconds * 1_000_000),))


def databases_with_clocks(linked: LinkedManifest, components: Any) -> Collection[Database]:
    """The databases on servers that keep the messages of a queue."""
    found = {}
    for link in linked.links.values():
        for target in link.targets if link.entry.kind == "queue.driver.sql" else ():
            if linked.links[target].entry.kind == "db.sql.postgres":
                found[target] = components[target]
    return [*found.values()]
