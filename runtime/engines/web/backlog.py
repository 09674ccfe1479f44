"""Backlog: takes over clients that wait in the accept queue of another worker."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Sequence

INTERVAL = 0.1
"""Seconds between two polls."""


class BacklogTakeover:
    """Polls the accept queues of other workers and accepts the clients that they leave waiting.

    The kernel assigns a new client to one worker's queue, even if that worker is blocked or has
    died. The queue of a healthy worker is never found non-empty by two polls in a row.
    """

    def __init__(
        self, sockets: Sequence[socket.socket], accept: Callable[[socket.socket], None]
    ) -> None:
        self._sockets = {each.fileno(): each for each in sockets}
        self._poll = select.poll()
        for descriptor in self._sockets:
            self._poll.register(descriptor, select.POLLIN)
        self._waiting: set[int] = set()
        """Descriptors whose queue the last poll found non-empty."""
        self._accept = accept

    def poll(self) -> None:
        """Accept clients from each queue that the last poll already found non-empty."""
        waiting = {found for found, event in self._poll.poll(0) if event & select.POLLIN}
        for descriptor in waiting & self._waiting:
            self._accept(self._sockets[descriptor])
        self._waiting = waiting
