"""WorkerEnvironment: the data that a parent passes to a worker process, and the reports back."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from itertools import chain

import msgspec

from runtime.entry_id import EntryId
from runtime.program.signals import Signals

VARIABLE = "_RUNTIME_WORKER"
"""The environment variable that makes a process a worker. Private: only the parent sets it."""


class WorkerEnvironment(msgspec.Struct, frozen=True):
    """The number of a worker, and the file descriptors that it inherits from its parent."""

    number: int
    """Counted from one. The first worker also runs the processes, which are started once."""
    report: int
    """The worker writes to it: a line `budget SECONDS`, and a line `ready ADDRESS…`."""
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

    def report_budget(self, seconds: float) -> None:
        """Report how long a stop may take."""
        self._write("budget", [str(seconds)])

    def report_ready(self, addresses: Iterable[str]) -> None:
        """Report that the application is ready, with the addresses of its servers."""
        self._write("ready", addresses)

    def _write(self, word: str, values: Iterable[str]) -> None:
        with suppress(OSError):  # the parent may be gone
            os.write(self.report, " ".join([word, *values]).encode() + b"\n")
