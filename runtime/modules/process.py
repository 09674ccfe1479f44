"""process: readiness and shutdown, for a handler that runs as a process."""

from __future__ import annotations

from runtime.handlers.context import call
from runtime.handlers.fork import forbid_in_child
from runtime.kinds.process import ProcessRun


def ready() -> None:
    """Report that others may rely on this process now (`type: notify`)."""
    current_run().ready()


def alive() -> None:
    """Tell the service's `watchdog` that this process is at work."""
    current_run().alive()


async def stopping(timeout: float | None = None) -> bool:
    """Return True when the application begins to stop, or False after `timeout` seconds.

    `while not await process.stopping(timeout=5): await work()`. A process that awaits this has
    `stop_timeout` to finish; any other is cancelled at once.
    """
    return await current_run().stopping(timeout)


def current_run() -> ProcessRun:
    """The current run. Raises RuntimeError outside of a process, and in a forked child of it."""
    forbid_in_child("process", call().scope.depth)
    subject = call().subject
    if not isinstance(subject, ProcessRun):
        raise RuntimeError(f"'{call().entry}' is not running as a process")
    return subject
