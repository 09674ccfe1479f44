"""Reloading: an application reads its folder again whenever it is asked to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from runtime.application.application import Application
from runtime.application.plan import Plan
from runtime.findings.finding import Level, ManifestError
from runtime.loggers import logger
from runtime.program.service_manager import ServiceManager
from runtime.service import StartError
from runtime.units import format_duration

log = logger("runtime")


class Reports(Protocol):
    """Tells people how a reload ended."""

    def reloaded(self, plan: Plan, seconds: float) -> None: ...

    def refused(self, error: ManifestError | StartError) -> None: ...


class LogReports:
    """Tells it in the log, and whoever else wants to know if it was done."""

    def __init__(self, on_end: Callable[[bool], None] | None = None) -> None:
        self._on_end = on_end

    def reloaded(self, plan: Plan, seconds: float) -> None:
        log.info("reloaded in %s: %s", format_duration(seconds), plan.summary())
        self._ended(True)

    def refused(self, error: ManifestError | StartError) -> None:
        log_refusal(error)
        self._ended(False)

    def _ended(self, done: bool) -> None:
        if self._on_end is not None:
            self._on_end(done)


def log_refusal(error: ManifestError | StartError) -> None:
    """Log the findings for which it was refused."""
    for text in texts_of(error):
        log.error("%s", text)
    log.error("the reload was refused, and the old version goes on")


def texts_of(error: ManifestError | StartError) -> tuple[str, ...]:
    """The findings for which a reload was refused, without notes."""
    if isinstance(error, StartError):
        return (str(error),)
    return tuple(str(each) for each in error.findings if each.level is Level.ERROR)


class Reloading:
    """Reloads an application, one time after the other; requests that come meanwhile are one."""

    def __init__(
        self,
        application: Application,
        reports: Reports,
        manager: ServiceManager | None = None,
        collect: Callable[[], object] | None = None,
    ) -> None:
        """The `manager` of the program is told, too. `collect` is called after each reload that
        was done, to free the old version.
        """
        self._application = application
        self._reports = reports
        self._manager = manager or ServiceManager()
        self._collect = collect
        self._wanted = asyncio.Event()

    def ask(self) -> None:
        """Have it reload soon. To be called on its loop."""
        self._wanted.set()

    async def follow(self) -> None:
        """Reload whenever that was asked for."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self.reload()
            except (ManifestError, StartError):
                continue  # which was told
            except Exception:
                if self._application.state == "stopping":
                    return
                log.exception("the reload failed, and the old version goes on")

    async def reload(self, *, force: bool = False) -> Plan:
        """Reload now, and tell how it went. Raises ManifestError, StartError, and RuntimeError
        before the start and once the application is stopping.
        """
        began = time.monotonic()
        try:
            with self._manager.reloading():
                plan = await self._application.reload(force=force)
        except (ManifestError, StartError) as error:
            self._application.refused = texts_of(error)
            self._application.refusals += 1
            self._application.on_state()
            self._reports.refused(error)
            raise
        self._application.refused = ()
        self._application.on_state()
        self._reports.reloaded(plan, time.monotonic() - began)
        if self._collect is not None:
            # Its parts refer to each other. Left to the collector's own pace, some stay for a
            # hundred reloads: 3.5 MiB after 25. Here it takes 20 ms for 25,000 objects.
            self._collect()
        return plan
