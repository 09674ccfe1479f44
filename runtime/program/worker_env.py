"""WorkerEnvironment: the data that a parent passes to a worker process, and the reports back."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Mapping, MutableMapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from runtime.entry_id import EntryId
from runtime.program.signals import Signals

if TYPE_CHECKING:
    from runtime.program.channel import Channel

VARIABLE = "_RUNTIME_WORKER"
"""The environment variable that makes a process a worker. Private: only the parent sets it."""


class WorkerEnvironment(msgspec.Struct, frozen=True):
    """The number of a worker, and the file descriptors that it inherits from its parent."""

    number: int
    """Counted from one. The first worker also runs the processes, which are started once."""
    report: int
    """A socket to the parent, for a `Channel`: a line `budget SECONDS`, a line `ready ADDRESS…`,
    and if it is managed, a line `pulse JSON` four times a second.
    """
    parent: int
    """A pipe that nothing is written to: it reaches its end when the parent ends."""
    sockets: Mapping[str, Sequence[int]]
    """Listening sockets by entry id: the worker's own first, then those of the others."""

    @property
    def descriptors(self) -> list[int]:
        return [self.report, self.parent, *chain.from_iterable(self.sockets.values())]

    def variable(self) -> dict[str, str]:
        """The environment variable that passes this on, as a mapping."""
        fields = (self.number, self.report, self.parent, dict(self.sockets))
        return {VARIABLE: json.dumps(fields)}

    @classmethod
    def take(cls, environment: MutableMapping[str, str]) -> WorkerEnvironment | None:
        """Remove the variable from `environment` and read it; None if this is no worker.

        Neither the variable nor the descriptors are inherited by processes that handlers start.
        """
        try:
            worker = cls(*json.loads(environment.pop(VARIABLE)))
            for descriptor in worker.descriptors:
                os.set_inheritable(descriptor, False)
        except (KeyError, ValueError, TypeError, AttributeError, OSError):
            return None  # there is none, or it is not from a parent
        return worker

    def listeners(self) -> dict[EntryId, list[socket.socket]]:
        """The listening sockets, by the entry that serves them."""
        return {
            EntryId.parse(id, ""): [socket.socket(fileno=descriptor) for descriptor in descriptors]
            for id, descriptors in self.sockets.items()
        }

    def drain_without_parent(self, signals: Signals) -> None:
        """From now on, drain as on a first signal when the parent ends."""

        def wait() -> None:
            os.read(self.parent, 1)
            if not signals.received:
                os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=wait, daemon=True, name="parent").start()

    def channel(self) -> Channel:
        """The channel to the parent; to be made once."""
        from runtime.program.channel import Channel  # a program of one process has none

        return Channel(self.report)
