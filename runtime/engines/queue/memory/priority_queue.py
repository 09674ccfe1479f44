"""PriorityQueue: ready messages, the highest priority first, in order within one priority."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import chain

from runtime.engines.queue.message import Message


class PriorityQueue:
    """A deque for each priority that was ever used; nearly always there is only the one of 0."""

    def __init__(self) -> None:
        self._normal: deque[Message] = deque()
        self._by_priority = {0: self._normal}
        self._ordered = [self._normal]

    def __len__(self) -> int:
        return sum(map(len, self._ordered))

    def __iter__(self) -> Iterator[Message]:
        return chain.from_iterable(self._ordered)

    def heads(self) -> Iterator[Message]:
        """The first message of each priority."""
        return (messages[0] for messages in self._ordered if messages)

    def add(self, message: Message) -> None:
        """Put a message behind those of its priority."""
        if message.priority:
            self._of(message.priority).append(message)
        else:
            self._normal.append(message)

    def put_back(self, message: Message) -> None:
        """Put a message in front of those of its priority."""
        self._of(message.priority).appendleft(message)

    def take(self) -> Message | None:
        """Remove and return the first message; None if there is none."""
        for messages in self._ordered:
            if messages:
                return messages.popleft()
        return None

    def remove(self, message: Message) -> None:
        """Remove a message, which must be there."""
        self._of(message.priority).remove(message)

    def _of(self, priority: int) -> deque[Message]:
        if priority not in self._by_priority:
            self._by_priority[priority] = deque()
            highest_first = sorted(self._by_priority, reverse=True)
            self._ordered = [self._by_priority[key] for key in highest_first]
        return self._by_priority[priority]
