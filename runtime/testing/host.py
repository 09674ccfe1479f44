"""Host: an application that is served by an event loop in the background."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from runtime.application.application import Application
from runtime.application.selection import why_nothing_runs
from runtime.engines.event.subscriber import Subscriber
from runtime.engines.queue.consumer import Consumer
from runtime.engines.queue.queue import Queue
from runtime.entry_id import EntryId
from runtime.handlers.watchdog import Watchdog
from runtime.linking.linker import LinkedManifest
from runtime.service import Stage, StartError
from runtime.supervision.supervisor import Supervisor
from runtime.telemetry import Telemetry
from runtime.testing.activity import Activity
from runtime.testing.background_loop import BackgroundLoop
from runtime.testing.clock import VirtualClock
from runtime.testing.evidence import Evidence
from runtime.testing.logbook import Capture
from runtime.testing.publications import Publications
from runtime.testing.quiet import Idler, NotQuiet, Quiet
from runtime.testing.server_clock import ServerClock, databases_with_clocks
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
        self.linked = linked
        self.activity = Activity(evidence.deaths)
        started = time.time() if now is None else now
        self.clock = VirtualClock(started, self._move_servers, look=math.inf)
        self.spans = Spans()
        telemetry = Telemetry(self.activity, self.spans, propagates=False)
        self._ready = asyncio.Event()
        self.application = Application(
            self.linked,
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
            self.application.build(evidence.book)
            components = self.application.scope.components.values()
            databases = databases_with_clocks(self.linked, self.application.scope.components)
            self._servers = ServerClock(databases)
            subscribers = [each for each in components if isinstance(each, Subscriber)]
            queues = [each for each in components if isinstance(each, Queue)]
            queues += [each.queue for each in subscribers]
            self.queues = {each.id: each for each in queues}
            self.consumers = [each for each in components if isinstance(each, Consumer)]
            self.consumers += [each.consumer for each in subscribers]
            for consumer in self.consumers:
                consumer.batch_what_is_there()
                consumer.lift_rate()
            self._timed = {each.queue.id for each in self.consumers if each.timeout is not None}
            self._idlers = {
                str(id): each
                for id, each in self.application.scope.components.items()
                if isinstance(each, Idler)
            }
            publications.watch(self.queues.values())
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
            self.queues,
            self._timed,
            self._idlers,
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
            except TimeoutError:
                going_on = await self.quiet.describe()
                raise NotQuiet(f"{what}: not quiet after {limit:g} s:{going_on}") from None

        self.loop.run(wait(), limit)

    @property
    def addresses(self) -> Mapping[EntryId, str]:
        """The URLs of the servers that run, by entry."""
        children = self.supervisor.children.items()
        return {id: child.where for id, child in children if child.stage is Stage.SERVER}

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
        if why := why_nothing_runs(self.linked, self.application.selection):
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
        await self._servers.move(seconds)

    async def _drain(self) -> None:
        self._stop.set()
        if self._served is not None:
            await self._served

    def _dispose(self) -> None:
        self._capture.stop()
        self.application.pool.close()
        self.application.forget()
