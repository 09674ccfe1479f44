"""Host: an application that is served by an event loop in the background."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec.structs import replace

from runtime.application.application import Application
from runtime.application.plan import Plan
from runtime.application.selection import Selection, select, why_nothing_runs
from runtime.entry_id import EntryId
from runtime.handlers.watchdog import Watchdog
from runtime.linking.linker import LinkedManifest
from runtime.program.reloading import LogReports, Reloading
from runtime.service import Stage, StartError
from runtime.supervision.supervisor import Supervisor
from runtime.telemetry import Telemetry
from runtime.testing.activity import Activity
from runtime.testing.background_loop import BackgroundLoop
from runtime.testing.clock import VirtualClock, let_the_loop_run
from runtime.testing.evidence import Evidence
from runtime.testing.logbook import Capture
from runtime.testing.parts import Parts, parts
from runtime.testing.publications import Publications
from runtime.testing.quiet import NotQuiet, Quiet
from runtime.testing.spans import Spans

START_LIMIT = 60.0
"""Seconds that a start may take: its own time-outs end it before."""


class Host:
    """Builds and starts the application; `stop` ends it. Raises StartError."""

    def __init__(
        self,
        linked: LinkedManifest,
        evidence: Evidence,
        publications: Publications,
        now: float | None,
    ) -> None:
        """`now` in seconds since 1970, by default the real time."""
        self.activity = Activity(evidence.deaths)
        started = time.time() if now is None else now
        self.clock = VirtualClock(started, self._move_servers, look=math.inf)
        self.spans = Spans()
        telemetry = Telemetry(self.activity, self.spans, propagates=False)
        self._publications = publications
        self.parts: Parts
        self._ready = asyncio.Event()
        self.application = Application(
            linked,
            on_ready=lambda addresses: self._ready.set(),
            clock=self.clock.clock,
            telemetry=telemetry,
        )
        self.application.scope.checks_results = True
        self._stop = asyncio.Event()
        self._served: asyncio.Task[int] | None = None
        self._watchdog: Watchdog | None = None
        self._capture = Capture(evidence.book, self.application.scope)
        self._capture.start()
        try:
            self.application.on_components = self._take_parts
            self.application.build(evidence.book)
            self.loop = BackgroundLoop("application")
        except BaseException:
            self._dispose()
            raise
        try:
            self.loop.run(self._start(), START_LIMIT)
        except BaseException:
            self.stop()
            raise

    @property
    def supervisor(self) -> Supervisor:
        """The supervisor of the application, which runs."""
        assert self.application.supervisor is not None
        return self.application.supervisor

    @property
    def quiet(self) -> Quiet:
        return Quiet(
            self.parts.queues,
            self.parts.timed,
            self.parts.idlers,
            self.supervisor,
            self.activity,
            self.clock,
            self.application.pool,
        )

    def wait(self, work: Callable[[], Awaitable[Any]], what: str, limit: float) -> None:
        """Have `work` done on the loop. Raises NotQuiet after `limit` real seconds."""

        async def wait() -> None:
            try:
                async with asyncio.timeout(limit):
                    await work()
            except NotQuiet:
                raise
            except TimeoutError:
                going_on = await self.quiet.describe()
                raise NotQuiet(f"{what}: not quiet after {limit:g} s:{going_on}") from None

        self.loop.run(wait(), limit)

    @property
    def addresses(self) -> Mapping[EntryId, str]:
        """The URLs of the servers that run, by entry."""
        children = self.supervisor.children.items()
        return {id: child.where for id, child in children if child.stage is Stage.SERVER}

    def select(self, selection: Selection) -> None:
        """Have other services run. Raises StartError."""
        application = self.application
        self.loop.run(application.apply(application.linked, selection), START_LIMIT)

    def reload(self, read: Callable[[], LinkedManifest], force: bool) -> Plan:
        """Change to what `read` returns, in a thread, with the same services kept from running.
        Raises ManifestError and StartError, and then all is as before.
        """
        application = self.application

        def source() -> tuple[LinkedManifest, Selection]:
            linked = read()
            return linked, replace(select(linked), elsewhere=application.selection.elsewhere)

        async def reload() -> Plan:
            plan = await Reloading(application, LogReports()).reload(force=force)
            await let_the_loop_run()
            return plan

        application.source = source
        return self.loop.run(reload(), START_LIMIT)

    def interrupt(self) -> None:
        """Take the messages that are in hand away from their handlers, and give them back."""

        async def interrupt() -> None:
            children = self.supervisor.children.values()
            consumers = [child for child in children if child.stage is Stage.CONSUMER]
            await asyncio.gather(*(child.stop(0.0) for child in consumers))

        self.loop.run(interrupt(), START_LIMIT)

    def stop(self) -> None:
        """Drain and end the application. Returns when all its threads and files are done."""
        limit = self.application.supervisor.budget if self.application.supervisor else 0.0
        try:
            self.loop.run(self._drain(), limit + 5.0)
        finally:
            if self._watchdog is not None:
                self._watchdog.stop()
                self._watchdog.join()
            self.loop.close()
            self._dispose()

    async def _start(self) -> None:
        if why := why_nothing_runs(self.application.linked, self.application.selection):
            raise StartError(why)
        self.activity.attach()
        self._capture.move()
        self._watchdog = Watchdog(asyncio.get_running_loop(), self.application.pool)
        self._watchdog.start()
        self._served = asyncio.create_task(self.application.serve(self._stop))
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait({self._served, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._served.done():
            self._served.result()
            raise StartError(self.supervisor.start_failed or "the application did not start")

    async def _move_servers(self, seconds: float) -> None:
        await self.parts.servers.move(seconds)

    def _take_parts(self) -> None:
        application = self.application
        self.parts = parts(application.linked, application.scope.components)
        self._publications.watch(self.parts.queues.values())

    async def _drain(self) -> None:
        self._stop.set()
        if self._served is not None:
            await self._served

    def _dispose(self) -> None:
        self._capture.stop()
        self.application.pool.close()
        self.application.forget()
