"""Program: one application in this process, from its start to the exit code."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from runtime.application.application import Application
from runtime.clock import repeat
from runtime.handlers.threads import call_threadsafe
from runtime.handlers.watchdog import Watchdog
from runtime.program.exit import EXIT_MARGIN, crash_guard
from runtime.program.loop import begin, cancel_remaining_tasks, complete, end
from runtime.program.reloading import LogReports, Reloading, Reports
from runtime.program.service_manager import ServiceManager
from runtime.program.signals import Signals
from runtime.supervision.child import GRACE

if TYPE_CHECKING:
    from runtime.engines.management.listener import Settings
    from runtime.program.channel import Channel
    from runtime.program.management import Listening
    from runtime.program.telling import Telling
    from runtime.program.tracing import Tracing
    from runtime.program.watch import Watch

TICK = 0.5
"""Seconds between two looks at what handlers may have taken from the program."""


def run(
    application: Application,
    signals: Signals,
    management: Settings | Channel | None = None,
    tracing: Tracing | None = None,
    reports: Reports | None = None,
    watch: Watch | None = None,
    on_end: Callable[[int], None] | None = None,
) -> int:
    """Serve an application that is built until a signal arrives, and return its exit code.

    With `management`, others can ask how it is, and for the traces of `tracing`, or its parent is
    told. `reports` hears of reloads, in place of the log; with `watch`, each edit asks for one.
    `on_end` is called with the exit code, once all has ended, and need not return. If a task or a
    thread would keep the process alive, this ends it instead of returning.
    """
    # Requests in flight are thousands of young objects and no garbage: collect less often.
    gc.set_threshold(10_000, *gc.get_threshold()[1:])
    stop = asyncio.Event()

    def budget() -> float:
        supervisor = application.supervisor
        return supervisor.budget if supervisor else GRACE

    loop = begin(signals, stop.set, budget)
    manager = ServiceManager.take(os.environ)
    reloading = Reloading(application, reports or LogReports(), manager, gc.collect)
    signals.reload_with(lambda: call_threadsafe(loop, reloading.ask))
    if watch is not None:
        watch.start(lambda: call_threadsafe(loop, reloading.ask))
    following = loop.create_task(reloading.follow())
    repeat(loop, lambda: TICK, signals.take_back)
    watchdog = Watchdog(loop, application.pool)
    watchdog.start()
    if tracing is not None:
        tracing.start()
    managed = None
    if management is not None:
        managed = _manage(application, reloading, management, watchdog, loop, tracing)
    manager.follow(application, lambda: budget() + 2 * EXIT_MARGIN)
    manager.watch(loop)
    with crash_guard():
        code = complete(loop, application.serve(stop))
        following.cancel()
        stuck = complete(loop, cancel_remaining_tasks(loop))
    watchdog.stop()
    if watch is not None:
        watch.stop()
    if managed is not None:
        managed.stop()
    if tracing is not None:
        tracing.stop()
    if on_end is not None:
        on_end(code)
    return end(loop, code, stuck or application.pool.unfinished > 0)


def _manage(
    application: Application,
    reloading: Reloading,
    management: Settings | Channel,
    watchdog: Watchdog,
    loop: asyncio.AbstractEventLoop,
    tracing: Tracing | None,
) -> Listening | Telling:
    from runtime.engines.management.listener import Settings  # it can be off
    from runtime.program.management import Listening, Pulsing

    pulsing = Pulsing(application, reloading, watchdog, loop)
    pulsing.counting.exported = tracing.exported if tracing else dict
    traces = tracing.traces if tracing else None
    if isinstance(management, Settings):
        return Listening(pulsing, management, traces)
    from runtime.program.telling import Telling  # the parent listens

    return Telling(pulsing, watchdog, management, traces)
