"""Effort: how long a thread took for something, without the time in which others had its core."""

from __future__ import annotations

import resource
from time import perf_counter, thread_time

_THREAD: int | None = getattr(resource, "RUSAGE_THREAD", None)
"""Absent outside of Linux, where all time counts."""


class Effort:
    """On a busy machine, a thread that works for a few microseconds may be preempted for
    milliseconds. That says nothing about its work; that it waited for the disk does.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Measure from now on, in this thread. Costs some 2 microseconds."""
        self._wall = perf_counter()
        if _THREAD is not None:
            self._processor = thread_time()
            self._waits = resource.getrusage(_THREAD).ru_nvcsw

    def seconds(self) -> float:
        """The seconds since then: of the processor, if the thread never waited for anything."""
        if _THREAD is None or resource.getrusage(_THREAD).ru_nvcsw != self._waits:
            return perf_counter() - self._wall
        return thread_time() - self._processor
