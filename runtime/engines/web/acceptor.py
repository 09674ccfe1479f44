"""Acceptor: accepts clients one by one, where the event loop's own way is not enough.

A loop does not say how many clients are in their TLS handshake, knows nothing of the accept queues
of other workers, and asyncio's accepts thousands before it looks at the first. uvloop's own way is
half as expensive, so it is left to accept the plain connections to our own socket.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from runtime.engines.web.admission import Admission, Shortage
from runtime.engines.web.problem import OUT_OF_DESCRIPTORS

_MAX_ACCEPTS = 64
"""Clients accepted in one turn of the loop."""
_HANDOVER = 0.1
"""Seconds that accepted clients have at the stop to become connections."""


class Acceptor:
    """Accepts clients and makes them connections, as far as `admission` allows."""

    def __init__(
        self,
        connect: Callable[[], asyncio.BaseProtocol],
        connected: Callable[[], int],
        admission: Admission,
        tls: ssl.SSLContext | None,
        handshake_timeout: float,
    ) -> None:
        """`connect` makes a protocol, `connected` counts the connections that there are."""
        self._connect = connect
        self._connected = connected
        self._admission = admission
        self.secure(tls, handshake_timeout)
        self._handovers: set[asyncio.Task[None]] = set()
        self._spare = os.open(os.devnull, os.O_RDONLY)

    def secure(self, tls: ssl.SSLContext | None, handshake_timeout: float) -> None:
        """Use these certificates, and this time, for handshakes to come."""
        self._tls = tls
        self._handshake_timeout = handshake_timeout if tls else None

    def accept(self, listener: socket.socket) -> None:
        """Accept the clients that wait in a queue, or some of them."""
        self._accept(listener, _MAX_ACCEPTS)

    def take_over(self, listener: socket.socket) -> None:
        """Accept clients of another worker, but none to turn it away: its own may have room."""
        room = self._admission.max_connections - self._count()
        self._accept(listener, min(_MAX_ACCEPTS, room))

    def _accept(self, listener: socket.socket, most: int) -> None:
        for _ in range(most):
            try:
                client, _address = listener.accept()
            except ConnectionError:
                continue  # it has left
            except OSError as error:
                if error.errno in OUT_OF_DESCRIPTORS:
                    self._drop_one(listener)
                return  # none is left, or the listener is closed
            reason = self._admission.refusal(self._count(), client.fileno())
            if reason is not None and (self._tls or reason is Shortage.DESCRIPTORS):
                self._admission.count(reason)
                client.close()
                continue
            task = asyncio.create_task(self._hand_over(client))
            self._handovers.add(task)
            task.add_done_callback(self._handovers.discard)

    async def finish(self) -> None:
        """Wait a moment until accepted clients are connections, and drop the others."""
        if self._handovers:
            _, slow = await asyncio.wait(self._handovers, timeout=_HANDOVER)
            for task in slow:  # still in the TLS handshake
                task.cancel()

    def close(self) -> None:
        """Release the spare descriptor."""
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1

    def _count(self) -> int:
        return self._connected() + len(self._handovers)

    def _drop_one(self, listener: socket.socket) -> None:
        """Turn one client away although not even an accept is possible.

        Else it would stay in the queue, and wake the loop again and again.
        """
        self._admission.count(Shortage.DESCRIPTORS)
        self.close()
        with suppress(OSError):
            listener.accept()[0].close()
        with suppress(OSError):
            self._spare = os.open(os.devnull, os.O_RDONLY)

    async def _hand_over(self, client: socket.socket) -> None:
        client.setblocking(False)
        with suppress(OSError):  # the client has left, or does not speak TLS
            await asyncio.get_running_loop().connect_accepted_socket(
                self._connect,
                client,
                ssl=self._tls,
                ssl_handshake_timeout=self._handshake_timeout,
            )
