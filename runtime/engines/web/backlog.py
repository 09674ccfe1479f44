"""Backlog: takes over clients that wait in the accept queue of another worker."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress

INTERVAL = 0.1
"""Seconds between two polls."""

_MAX_ACCEPTS = 64


class BacklogTakeover:
    """Polls the accept queues of other workers and accepts the clients that they leave waiting.

    The kernel assigns a new client to one worker's queue, even if that worker is blocked or has
    died. The queue of a healthy worker is never found non-empty by two polls in a row.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        connect: Callable[[], asyncio.BaseProtocol],
        tls: ssl.SSLContext | None,
        handshake_timeout: float,
    ) -> None:
        self._sockets = {each.fileno(): each for each in sockets}
        self._poll = select.poll()
        for descriptor in self._sockets:
            self._poll.register(descriptor, select.POLLIN)
        self._waiting: set[int] = set()
        """Descriptors whose queue the last poll found non-empty."""
        self._connect = connect
        self._tls = tls
        self._handshake_timeout = handshake_timeout if tls else None
        self._handovers: set[asyncio.Task[None]] = set()

    def poll(self) -> None:
        """Accept clients from each queue that the last poll already found non-empty."""
        waiting = {found for found, event in self._poll.poll(0) if event & select.POLLIN}
        for descriptor in waiting & self._waiting:
            with suppress(OSError):  # the worker was faster, or no descriptors are left
                for _ in range(_MAX_ACCEPTS):
                    client, _address = self._sockets[descriptor].accept()
                    task = asyncio.create_task(self._hand_over(client))
                    self._handovers.add(task)
                    task.add_done_callback(self._handovers.discard)
        self._waiting = waiting

    async def finish(self) -> None:
        """Wait a moment until accepted clients are connections, and drop the others."""
        if self._handovers:
            _, slow = await asyncio.wait(self._handovers, timeout=INTERVAL)
            for task in slow:  # still in the TLS handshake
                task.cancel()

    async def _hand_over(self, client: socket.socket) -> None:
        client.setblocking(False)
        with suppress(OSError):  # the client has left, or does not speak TLS
            await asyncio.get_running_loop().connect_accepted_socket(
                self._connect,
                client,
                ssl=self._tls,
                ssl_handshake_timeout=self._handshake_timeout,
            )
