"""UniqueKeys: which messages of a memory queue have which key."""

from __future__ import annotations

from collections.abc import Iterable

from runtime.engines.queue.message import Message


class UniqueKeys:
    """The ids of the unfinished messages of each unique key, the oldest first."""

    def __init__(self) -> None:
        self._ids: dict[str, list[str]] = {}

    def add(self, key: str, id: str) -> None:
        """A message of that key was accepted."""
        self._ids.setdefault(key, []).append(id)

    def remove(self, key: str, id: str) -> None:
        """A message of that key has ended."""
        self._ids[key].remove(id)
        if not self._ids[key]:
            del self._ids[key]

    def holder(self, key: str, apart_from: Iterable[Message]) -> str | None:
        """The id of the first message of a key that is none of these; None if there is none."""
        ids = self._ids.get(key)
        if ids is None:
            return None
        others = {message.id for message in apart_from if message.unique == key}
        return next((id for id in ids if id not in others), None)
