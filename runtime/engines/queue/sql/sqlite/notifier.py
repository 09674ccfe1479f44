"""Notifier: tells the other programs on a database that a queue has ready messages."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable


class Notifier:
    """A datagram socket of this program, to which others send the names of queues.

    Nothing depends on it: a lost datagram delays a message by a second, until the next check.
    """

    def __init__(self, notified: Callable[[str], None]) -> None:
        """`notified` is called on the event loop with the name of a queue."""
        self._notified = notified
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self.address = _address()
        self._socket.bind(_native(self.address))
        self._loop.add_reader(self._socket.fileno(), self._read)

    def notify(self, addresses: Iterable[str], queue: str) -> None:
        """Send a queue's name to others, ignoring those that have ended or are too slow."""
        name = queue.encode()
        for address in addresses:
            with contextlib.suppress(OSError):
                self._socket.sendto(name, _native(address))

    def close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        if not self.address.startswith("@"):
            with contextlib.suppress(OSError):
                os.unlink(self.address)

    def _read(self) -> None:
        queues = set()
        with contextlib.suppress(OSError):
            while True:
                queues.add(self._socket.recv(512).decode(errors="replace"))
        for queue in queues:
            self._notified(queue)


def _address() -> str:
    """A unique name: in Linux's abstract namespace, which needs no file; elsewhere a path."""
    name = f"runtime-{os.getpid()}-{secrets.token_hex(6)}"
    return f"@{name}" if sys.platform == "linux" else os.path.join(tempfile.gettempdir(), name)


def _native(address: str) -> str:
    return "\0" + address[1:] if address.startswith("@") else address
