"""Rescue: clients that wait for another worker are taken over when that does not take them."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress

PATIENCE = 0.1
"""Seconds between two looks."""

_AT_ONCE = 64


class BacklogTakeover:
    """Looks into the lines of clients that belong to other workers.

    The system puts a new client into one line, whether or not the worker behind it lives or is
    blocked. In the line of one that is well, nobody is seen at two looks.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        connect: Callable[[], asyncio.BaseProtocol],
        tls: ssl.SSLContext | None,
        handshake: float,
    ) -> None:
        self._sockets = {each.fileno(): each for each in sockets}
        self._poll = select.poll()
        for descriptor in self._sockets:
            self._poll.register(descriptor, select.POLLIN)
        self._seen: set[int] = set()
        self._connect = connect
        self._tls = tls
        self._handshake = handshake if tls else None
        self._taken: set[asyncio.Task[None]] = set()

    def look(self) -> None:
        """Take who waits where somebody waited at the last look already."""
        waiting = {found for found, event in self._poll.poll(0) if event & select.POLLIN}
        for descriptor in waiting & self._seen:
            # It was a moment ago; or there is no descriptor left for another client.
            with suppress(OSError):
                for _ in range(_AT_ONCE):
                    client, _address = self._sockets[descriptor].accept()
                    task = asyncio.create_task(self._take(client))
                    self._taken.add(task)
                    task.add_done_callback(self._taken.discard)
        self._seen = waiting

    async def finished(self) -> None:
        """Wait until those who were taken are connections like the others, or leave them."""
        if self._taken:
            _, slow = await asyncio.wait(self._taken, timeout=PATIENCE)
            for task in slow:  # a client in the middle of its TLS handshake
                task.cancel()

    async def _take(self, client: socket.socket) -> None:
        client.setblocking(False)
        with suppress(OSError):  # it left meanwhile, or does not speak TLS
            await asyncio.get_running_loop().connect_accepted_socket(
                self._connect,
                client,
                ssl=self._tls,
                ssl_handshake_timeout=self._handshake,
            )
