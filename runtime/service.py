"""Service: the contract between a component that runs and whatever runs it."""

from __future__ import annotations

import asyncio
from enum import IntEnum
from typing import Protocol


class Stage(IntEnum):
    """When a service starts, among those that do not need each other; stop goes in reverse."""

    RESOURCE = 0
    PROCESS = 1
    CONSUMER = 2
    SERVER = 3


class StartError(Exception):
    """A service cannot start until somebody mends something: a taken port, a broken file.

    At the first start it is not tried again: the application ends, with exit code 4. Later, when a
    service that ran is started again, it is a failure like any other, by the restart policy: a port
    may become free.

    The text is one sentence for the operator: lower case, no full stop, with the mend.
    """


class Unavailable(Exception):
    """Something is not there *yet*: a service's start is tried again by its restart policy, and
    uncaught in an HTTP handler it is answered with 503.
    """

    http_status = 503
    retry_after = 1.0


class Ready(Protocol):
    """Called once by a service when others may rely on it. `where` is shown: an address, a file."""

    def __call__(self, where: str = "") -> None: ...


class Service(Protocol):
    """A component that runs.

    `run` starts up, calls `ready()`, works until `stop` is set, finishes what is in hand, cleans
    up and returns. To return before `stop` is to be done: 0 or None ended well (and counts as
    ready), any other number failed. To raise is to fail. Before the first `ready`, only
    `Unavailable` is tried again; after it, any failure is restarted by the entry's policy. `run` is
    then called again on the same component. `StartError` and `Unavailable` are told without a
    traceback. `ready` may be called once a run; `start_timeout` counts
    until then. After `stop` the service has `stop_timeout`; then its task is cancelled and has half
    a second to give back what it holds. A run must tolerate `stop` being set before it began.
    """

    async def run(self, ready: Ready, stop: asyncio.Event) -> int | None: ...
