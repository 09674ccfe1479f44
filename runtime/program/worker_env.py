"""Membership: this process as one of several workers, and its line to their parent."""

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
"""How the parent tells a process that it is a worker. Not for anybody else to set."""


class WorkerEnvironment(msgspec.Struct, frozen=True):
    """Which worker this is. The numbers are of descriptors that it has from its parent."""

    number: int
    """Counted from one; the first worker also runs what is to run once."""
    report: int
    """Written to: a line `budget SECONDS`, and a line `ready ADDRESS…`."""
    parent: int
    """Never written to: it ends when the parent does."""
    sockets: Mapping[str, Sequence[int]]
    """What to listen on, by the id of the entry that serves it: its own, then the others'."""

    @property
    def descriptors(self) -> list[int]:
        return [self.report, self.parent, *chain.from_iterable(self.sockets.values())]

    def variable(self) -> dict[str, str]:
        """What the parent adds to the environment of the worker."""
        fields = (self.number, self.report, self.parent, dict(self.sockets))
        return {VARIABLE: json.dumps(fields)}

    @classmethod
    def take(cls, environment: MutableMapping[str, str]) -> WorkerEnvironment | None:
        """What the parent said, out of the environment; None for a program of its own.

        The descriptors are kept from the programs that a handler may start, as the variable is.
        """
        try:
            membership = cls(*json.loads(environment.pop(VARIABLE)))
            for descriptor in membership.descriptors:
                os.set_inheritable(descriptor, False)
        except (KeyError, ValueError, TypeError, AttributeError, OSError):
            return None  # there is none, or it is not from a parent
        return membership

    def listeners(self) -> dict[EntryId, list[socket.socket]]:
        """The sockets, by the entry that serves them."""
        return {
            EntryId.parse(id, ""): [socket.socket(fileno=descriptor) for descriptor in descriptors]
            for id, descriptors in self.sockets.items()
        }

    def drain_without_parent(self, signals: Signals) -> None:
        """From now on the end of the parent is what a first signal would be."""

        def wait() -> None:
            os.read(self.parent, 1)
            if not signals.received:
                os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=wait, daemon=True, name="parent").start()

    def tell_budget(self, seconds: float) -> None:
        """How long a stop may take at most."""
        self._tell("budget", [str(seconds)])

    def tell_ready(self, addresses: Iterable[str]) -> None:
        self._tell("ready", addresses)

    def _tell(self, word: str, rest: Iterable[str]) -> None:
        with suppress(OSError):  # a parent that is gone needs no report
            os.write(self.report, " ".join([word, *rest]).encode() + b"\n")
