"""Slots: which messages of a queue's partitions are let in, and for how many more there is room."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from runtime.engines.queue.sql.store import State

MOST_PARKED = 500
"""Messages that one claim parks: the next one, which follows at once, goes on behind them."""


class Slots:
    """A claim's view of the slots of a queue, which are kept beside the messages.

    A message has a slot while it runs, and one that was parked also from when it is ready again. A
    slot whose message is gone, or waits at another place, is stale: the next claim frees it, and
    makes the first parked message of that partition ready. So nothing that ends a message needs to
    know of partitions, and no parked message is forgotten: its partition has a slot.
    """

    def __init__(self, per_key: int, rows: Iterable[tuple[str, int, int | None]]) -> None:
        """`rows` are the key, the number of the message and its state, None if the slot is stale,
        for each slot.
        """
        self._per_key = per_key
        self._running: dict[str, set[int]] = {}
        self._ready: dict[str, set[int]] = {}
        self.stale: list[tuple[str, int]] = []
        """The keys and numbers of those that are to be deleted."""
        self.added: list[tuple[str, int, int]] = []
        """The keys, numbers and places of those that are to be stored."""
        for key, seq, state in rows:
            if state is None:
                self.stale.append((key, seq))
            elif state == State.RUNNING:
                self._running.setdefault(key, set()).add(seq)
            else:
                self._ready.setdefault(key, set()).add(seq)

    @property
    def freed(self) -> Collection[str]:
        """The keys of the partitions with stale slots."""
        return dict.fromkeys(key for key, _ in self.stale)

    def keep(self, key: str) -> None:
        """Leave the stale slots of a partition to the next claim, which goes on with it."""
        self.stale = [slot for slot in self.stale if slot[0] != key]

    def room(self, key: str) -> int:
        """The number of parked messages that are to be made ready."""
        running, ready = self._running.get(key, ()), self._ready.get(key, ())
        return self._per_key - len(running) - len(ready)

    def make_ready(self, key: str, seq: int, place: int) -> None:
        """Give a slot to a parked message, which is ready again."""
        self._ready.setdefault(key, set()).add(seq)
        self.added.append((key, seq, place))

    def run(self, key: str, seq: int, place: int) -> bool:
        """True if a message may run, which has a slot then; else it is to be parked."""
        running, ready = self._running.setdefault(key, set()), self._ready.get(key, set())
        if seq in running:
            return True  # it was given back since the slots were read
        if len(running) < self._per_key:
            if seq not in ready:
                self.added.append((key, seq, place))
            ready.discard(seq)
            running.add(seq)
            return True
        if seq in ready:  # one of a higher priority was faster
            ready.discard(seq)
            self.added = [slot for slot in self.added if slot[:2] != (key, seq)]
            self.stale.append((key, seq))
        return False
