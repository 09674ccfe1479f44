"""Lanes: messages that are ready, the highest priority first, and in order within one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import chain

from runtime.engines.queue.message import Message


class PriorityQueue:
    """A deque for each priority that ever came; nearly always there is only the one of 0."""

    def __init__(self) -> None:
        self._plain: deque[Message] = deque()
        self._by_priority = {0: self._plain}
        self._ordered = [self._plain]

    def __len__(self) -> int:
        return sum(map(len, self._ordered))

    def __iter__(self) -> Iterator[Message]:
        return chain.from_iterable(self._ordered)

    def add(self, message: Message) -> None:
        """Put a message at the end of its lane."""
        if message.priority:
            self._lane(message.priority).append(message)
        else:
            self._plain.append(message)

    def put_back(self, message: Message) -> None:
        """Put a message in front of its lane."""
        self._lane(message.priority).appendleft(message)

    def take(self) -> Message | None:
        """The first message, if there is one."""
        for lane in self._ordered:
            if lane:
                return lane.popleft()
        return None

    def _lane(self, priority: int) -> deque[Message]:
        if priority not in self._by_priority:
            self._by_priority[priority] = deque()
            highest_first = sorted(self._by_priority, reverse=True)
            self._ordered = [self._by_priority[key] for key in highest_first]
        return self._by_priority[priority]
