"""PartitionedQueue: ready messages of partitions, of which only a few may run at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import chain, count

from runtime.engines.queue.memory.priority_queue import PriorityQueue
from runtime.engines.queue.message import PRIORITIES, Message
from runtime.engines.queue.partitions import Partitions

LOWEST = PRIORITIES[0] - 1
MOST_PARKED = 500
"""Messages that one `take` passes over, which is about a millisecond."""

_Entry = tuple[int, int, Message, str | None]
"""Priority, negative; a number, which each message gets when it is first looked at; its key."""


class PartitionedQueue(PriorityQueue):
    """A PriorityQueue that passes over messages whose partition is full. They are parked, so that
    none is passed twice, and come back in their order as others end.
    """

    def __init__(
        self, partitions: Partitions, messages: PriorityQueue, in_flight: Iterable[Message]
    ) -> None:
        """Takes over the messages of another queue; those in flight count already."""
        super().__init__()
        self.partitions = partitions
        self._numbers = count()
        self._running: Counter[str] = Counter()
        """The number of running messages of each partition."""
        self._held: dict[Message, _Entry] = {}
        """All running messages."""
        self._parked: dict[str, list[_Entry]] = {}
        """Heaps, by the keys."""
        self._back: list[_Entry] = []
        """A heap of those that came back. They are older than what was not looked at."""
        for message in in_flight:
            self._hold(self._entry(message))
        while (ready := messages.take()) is not None:
            self.add(ready)

    def __len__(self) -> int:
        return super().__len__() + len(self._back) + sum(map(len, self._parked.values()))

    def __iter__(self) -> Iterator[Message]:
        return chain((entry[2] for entry in self._aside()), super().__iter__())

    def heads(self) -> Iterator[Message]:
        """Those of partitions that are full too, the first of each."""
        aside = (heap[0][2] for heap in (self._back, *self._parked.values()) if heap)
        return chain(aside, super().heads())

    def parked(self) -> Sequence[Message]:
        """Those that were passed over, in their order."""
        return [entry[2] for entry in sorted(chain(*self._parked.values()))]

    @property
    def has_more(self) -> bool:
        """True if `take` found nothing because it had to look at too much: call it again."""
        return bool(self._back) or super().__len__() > 0

    def take(self) -> Message | None:
        for _ in range(MOST_PARKED):
            if self._back and -self._back[0][0] >= self._highest():
                entry = heappop(self._back)
            elif (message := super().take()) is not None:
                entry = self._entry(message)
            else:
                return None
            key = entry[3]
            if key is None or self._running[key] < self.partitions.per_key:
                self._hold(entry)
                return entry[2]
            heappush(self._parked.setdefault(key, []), entry)
        return None

    def end(self, message: Message) -> bool:
        """A message runs no more. Returns True if another one of its partition came back."""
        entry = self._held.pop(message, None)
        if entry is None or entry[3] is None:
            return False
        self._leave(entry[3])
        return self._bring_back(entry[3])

    def give_back(self, message: Message, again: Message) -> None:
        """Replace a message that was taken by `again`, at its old place."""
        held = self._held.pop(message) if message in self._held else self._entry(message)
        priority, number, _, key = held
        heappush(self._back, (priority, number, again, key))
        if key is not None:
            self._leave(key)
            self._bring_back(key)

    def remove(self, message: Message) -> None:
        for heap in (self._back, *self._parked.values()):
            for entry in heap:
                if entry[2] is message:
                    heap.remove(entry)
                    heapify(heap)
                    if heap is self._back and entry[3] is not None:
                        self._bring_back(entry[3])
                    return
        super().remove(message)

    def dissolve(self) -> PriorityQueue:
        """All messages, in a queue without partitions."""
        queue = PriorityQueue()
        for entry in sorted(self._aside()):
            queue.add(entry[2])
        while (ready := super().take()) is not None:
            queue.add(ready)
        return queue

    def _aside(self) -> Iterator[_Entry]:
        return chain(self._back, *self._parked.values())

    def _highest(self) -> int:
        """The highest priority of the messages that were not looked at yet."""
        return next((messages[0].priority for messages in self._ordered if messages), LOWEST)

    def _entry(self, message: Message) -> _Entry:
        key = self.partitions.key(message.body, message.headers)
        return -message.priority, next(self._numbers), message, key

    def _hold(self, entry: _Entry) -> None:
        self._held[entry[2]] = entry
        if entry[3] is not None:
            self._running[entry[3]] += 1

    def _leave(self, key: str) -> None:
        self._running[key] -= 1
        if not self._running[key]:
            del self._running[key]

    def _bring_back(self, key: str) -> bool:
        """Bring back what comes first of a partition, beside what came back before."""
        parked, found = self._parked.get(key), False
        if not parked:
            return False
        ahead = sorted(entry for entry in self._back if entry[3] == key)
        for _ in range(self.partitions.per_key - self._running[key]):
            if ahead and not (parked and parked[0] < ahead[0]):
                del ahead[0]
            elif parked:
                heappush(self._back, heappop(parked))
                found = True
        if not parked:
            del self._parked[key]
        return found
