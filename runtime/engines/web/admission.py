"""Admission: the clients that a server may have at once, and the log of those turned away."""

from __future__ import annotations

import os
import resource
import sys
from enum import Enum

from runtime.engines.web.problem import OUT_OF_DESCRIPTORS
from runtime.loggers import logger

_log = logger("runtime.http")

MOST = 10_000
"""Clients that a server admits if its entry does not say how many."""
_INTERVAL = 60.0
"""Seconds between two counts in the log."""
_MAX_EXCESS = 100
"""Clients beyond the limit for whom the server lingers, so that they read why."""


class Shortage(Enum):
    """The reason why a client is turned away; its text is logged."""

    CONNECTIONS = "it has {connections} connections, as many as 'max_connections' allows"
    DESCRIPTORS = (
        "no file descriptor is left for a client; raise the limit (ulimit -n), "
        "which is {descriptors}"
    )


def descriptor_limit() -> int:
    """The number of files and sockets that this process may have open."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def reserve(limit: int) -> int:
    """The descriptors that no client gets: databases, files and handlers need some, too."""
    return min(128, limit // 4)


class Admission:
    """Admits clients while there are connections and descriptors for them.

    Descriptors are counted by number: the system assigns the lowest that is free, so that a client
    who gets number N is proof that N others are open, whoever opened them.
    """

    def __init__(self, max_connections: int | None, name: str) -> None:
        """`name` is the server's entry, for the log. Without `max_connections`, the limit of
        descriptors decides, but not more than `MOST`.
        """
        self._name = name
        self._asked = max_connections
        self._turned_away = 0
        self._last_logged = -_INTERVAL
        self._last_reason = Shortage.CONNECTIONS
        self._measure()
        if max_connections is not None and max_connections > self._below:
            self._warn(
                "'max_connections' is %d, but of the %d files that may be open clients get "
                "only %d; raise the limit (ulimit -n)",
                max_connections, self._descriptors, self._below,
            )  # fmt: skip

    def limit(self, max_connections: int | None) -> None:
        """Change the limit, for clients to come."""
        self._asked = max_connections
        self._measure()

    def refusal(self, connections: int, descriptor: int) -> Shortage | None:
        """Why a client with this descriptor cannot be one more than `connections`, if so."""
        if descriptor >= self._below:
            return Shortage.DESCRIPTORS
        if connections >= self.max_connections:
            return Shortage.CONNECTIONS
        return None

    def lingers(self, reason: Shortage, connections: int) -> bool:
        """True if a client who is turned away is given the time to read why."""
        excess = connections - self.max_connections
        return reason is Shortage.CONNECTIONS and excess < _MAX_EXCESS

    def count(self, reason: Shortage) -> None:
        """Count a client who is turned away."""
        self._turned_away += 1
        self._last_reason = reason

    def tick(self, now: float) -> None:
        """Log the clients turned away: the first at once, then a count a minute.

        To be called every second or so. The limit of descriptors may have changed.
        """
        self._measure()
        if now - self._last_logged < _INTERVAL:
            return
        if not self._turned_away:
            if _is_descriptor_left():
                return
            # The event loop drops clients whom it cannot accept, and tells nobody.
            self._last_reason = Shortage.DESCRIPTORS
        limits = {"connections": self.max_connections, "descriptors": self._descriptors}
        self._warn(
            "turned %s away: %s",
            f"{self._turned_away} client(s)" if self._turned_away else "clients",
            self._last_reason.value.format_map(limits),
        )  # fmt: skip
        self._turned_away, self._last_logged = 0, now

    def _measure(self) -> None:
        self._descriptors = descriptor_limit()
        self._below = self._descriptors - reserve(self._descriptors)
        self.max_connections = min(MOST, self._below) if self._asked is None else self._asked

    def _warn(self, text: str, *values: object) -> None:
        _log.warning(text, *values, extra={"entry": self._name})


def _is_descriptor_left() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno not in OUT_OF_DESCRIPTORS
    return True
