"""Service: the contract between a component that runs and whatever runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from enum import IntEnum
from typing import Any, Protocol, runtime_checkable


class Stage(IntEnum):
    """The order in which services start that do not need each other. They stop in reverse."""

    RESOURCE = 0
    MIGRATION = 1
    PROCESS = 2
    CONSUMER = 3
    SERVER = 4


class StartError(Exception):
    """A service cannot start until somebody fixes something: a port in use, a broken file.

    The first start is not retried: the application exits with code 4. Once the service has run, it
    is a failure like any other and the restart policy applies, since a port may become free.

    The text is one sentence for the operator: lower case, no full stop, with the remedy.
    """


class Unavailable(Exception):
    """Something is not there *yet*. The start of a service is retried by its restart policy; an
    HTTP request whose handler does not catch it is answered with 503.
    """

    http_status = 503
    retry_after = 1.0


class Ready(Protocol):
    """Called once by a service when others may rely on it. `where` is an address or a file, for the
    log.
    """

    def __call__(self, where: str = "") -> None: ...


class Service(Protocol):
    """A component that runs.

    `run` starts up, calls `ready()`, works until `stop` is set, finishes the work in progress,
    cleans up and returns. If it returns before `stop`, it has ended: successfully with 0 or None,
    which counts as ready, and as a failure with any other number. An exception is a failure.

    Before the first `ready`, only `Unavailable` is retried; after it, any failure, by the restart
    policy of the entry. `run` is then called again on the same component. `StartError` and
    `Unavailable` are logged without a traceback. `ready` may be called once per run, and within
    `start_timeout`. After `stop` is set the service has `stop_timeout`; then its task is cancelled
    and has half a second for its cleanup. `stop` may be set before `run` is called.
    """

    async def run(self, ready: Ready, stop: asyncio.Event) -> int | None: ...


async def run_until(stop: asyncio.Event, work: Coroutine[Any, Any, object]) -> bool:
    """Await `work`, which `stop` cancels. Returns False if it was cancelled; raises its error."""
    working = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working})
    if working.cancelled():
        return False
    working.result()
    return True


@runtime_checkable
class Perishable(Protocol):
    """A component whose contents end with the program, also if it was never started."""

    def warn_of_loss(self) -> None:
        """Log what is lost. Called at the stop if the component was not among what ran."""
        ...
