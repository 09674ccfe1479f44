"""Slots: which messages of a queue's partitions are let in, and for how many more there is room."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from runtime.engines.queue.sql.store import State

MOST_PARKED = 500
"""Messages that one claim parks: the next one, which follows at once, goes on behind them."""


Order = tuple[int, int, int]
"""Priority, negative; place; number: messages are claimed in this order."""


class Slots:
    """A claim's view of the slots of a queue, which are kept beside the messages.

    A message has a slot while it runs, and one that was parked also from when it is ready again. A
    slot whose message is gone, or waits at another place, is stale: the next claim frees it, and
    makes the first parked message of that partition ready. So nothing that ends a message needs to
    know of partitions, and no parked message is forgotten: its partition has a slot.
    """

    def __init__(
        self, per_key: int, rows: Iterable[tuple[str, int, int, int | None, int | None]]
    ) -> None:
        """`rows` are the key, the number and the place of each slot, and the state and priority of
        its message, None if the slot is stale.
        """
        self.per_key = per_key
        self._running: dict[str, dict[int, int]] = {}
        """The places of those that run, by their numbers."""
        self._ready: dict[str, dict[int, Order]] = {}
        self.stale: list[tuple[str, int]] = []
        """The keys and numbers of those that are to be deleted."""
        self.added: list[tuple[str, int, int]] = []
        """The keys, numbers and places of those that are to be stored."""
        for key, seq, place, state, priority in rows:
            if state is None or priority is None:
                self.stale.append((key, seq))
            elif state == State.RUNNING:
                self._running.setdefault(key, {})[seq] = place
            else:
                self._ready.setdefault(key, {})[seq] = (-priority, place, seq)

    def to_refill(self, known_per_key: int | None) -> Collection[str]:
        """The keys of the partitions in which parked messages may come next: not those whose slots
        all run, unless `per_key` is not the known one of the claim before.
        """
        keys = dict.fromkeys([*(key for key, _ in self.stale), *self._ready])
        return keys if known_per_key == self.per_key else keys | dict.fromkeys(self._running)

    def keep(self, key: str) -> None:
        """Leave the stale slots of a partition to the next claim, which goes on with it."""
        self.stale = [slot for slot in self.stale if slot[0] != key]

    def room(self, key: str) -> int:
        """The number of messages that may run besides those that do."""
        return self.per_key - len(self._running.get(key, ()))

    def first(self, key: str, parked: Sequence[tuple[int, int, int]]) -> list[int]:
        """The numbers of the parked messages that come next, beside those that are ready: `parked`
        are the first ones, by number, priority and place.
        """
        ready = self._ready.get(key, {})
        orders = [(-priority, place, seq) for seq, priority, place in parked]
        first = sorted([*ready.values(), *orders])[: self.room(key)]
        return [seq for *_, seq in first if seq not in ready]

    def make_ready(self, key: str, seq: int, priority: int, place: int) -> None:
        """Give a slot to a parked message, which is ready again."""
        self._ready.setdefault(key, {})[seq] = (-priority, place, seq)
        self.added.append((key, seq, place))

    def run(self, key: str, seq: int, place: int) -> bool:
        """True if a message may run, which has a slot then; else it is to be parked."""
        running, ready = self._running.setdefault(key, {}), self._ready.get(key, {})
        if seq in running:
            # Since the slots were read, it was given back; or retried, at another place behind
            # those that are parked, and its slot is stale for the next claim.
            return running[seq] == place
        if len(running) < self.per_key:
            if seq not in ready:
                self.added.append((key, seq, place))
            ready.pop(seq, None)
            running[seq] = place
            return True
        if seq in ready:  # one of a higher priority was faster
            ready.pop(seq, None)
            self.added = [slot for slot in self.added if slot[:2] != (key, seq)]
            self.stale.append((key, seq))
        return False
