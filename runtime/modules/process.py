"""process: readiness and shutdown, for a handler that runs as a process."""

from __future__ import annotations

from runtime.handlers.context import call
from runtime.kinds.process import ProcessRun


def ready() -> None:
    """Report that others may rely on this process now (`type: notify`)."""
    current_run().ready()


async def stopping() -> None:
    """Return when the application begins to stop.

    A process that awaits this has `stop_timeout` to finish; any other is cancelled at once.
    """
    await current_run().stopping()


def current_run() -> ProcessRun:
    """The current run. Raises RuntimeError outside of a process."""
    subject = call().subject
    if not isinstance(subject, ProcessRun):
        raise RuntimeError(f"'{call().entry}' is not running as a process")
    return subject
