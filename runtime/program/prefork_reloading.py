"""PreforkReloading: the parent of workers has them reload, one after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from socket import socket
from typing import Any

from runtime.application.plan import refused_for
from runtime.application.selection import Selection
from runtime.engines.management.operation import Refused
from runtime.entry_id import EntryId
from runtime.findings.finding import ManifestError
from runtime.handlers.threads import run_in_thread
from runtime.linking.link import Link
from runtime.linking.linker import LinkedManifest
from runtime.loggers import logger
from runtime.program.reload_operations import PLAN, RELOAD, Outcome, findings_of, refused
from runtime.program.reloading import log_refusal, texts_of
from runtime.program.service_manager import ServiceManager
from runtime.program.worker_process import WorkerProcess
from runtime.service import StartError
from runtime.units import format_duration

log = logger("runtime.workers")


class WorkerRefused(StartError):
    """A worker goes on with the old version, and tells why itself."""


class PreforkReloading:
    """Belongs to the loop of the parent."""

    def __init__(
        self,
        workers: Sequence[WorkerProcess],
        sockets: Mapping[EntryId, Sequence[socket]],
        manager: ServiceManager,
        linked: LinkedManifest,
        source: Callable[[], tuple[LinkedManifest, Selection]],
    ) -> None:
        """The workers run `linked`; `source` reads it again, in a thread. `manager` is told."""
        self._workers = workers
        self._sockets = sockets
        self._manager = manager
        self._linked = linked
        self._source = source
        self._wanted = asyncio.Event()
        self._turn = asyncio.Lock()
        self.refusals = 0
        """Reloads that were refused."""
        self.refused: tuple[str, ...] = ()
        """The findings of the last reload, if the parent refused it; a worker tells its own."""

    def ask(self) -> None:
        """Have them reload soon."""
        self._wanted.set()

    async def follow(self) -> None:
        """Reload whenever that is asked for."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._reload()
            except (ManifestError, StartError) as error:
                self._tell(error)

    def operations(self) -> dict[str, Callable[..., Awaitable[Any]]]:
        """Operations that management asks the parent for, by name."""
        return {RELOAD: self.reload, PLAN: self.plan}

    async def plan(self) -> Outcome:
        """The changes that a reload would make in each worker. Raises Refused."""
        first = next((each.link for each in self._workers if each.link.pid), None)
        if first is None:
            raise Refused(503, "no worker runs")
        planned: Outcome = await first.ask(PLAN, {})
        return planned

    async def reload(self, force: bool = False) -> Outcome:
        """Have them reload now. Raises Refused."""
        planned = await self.plan()
        try:
            _check(planned, force)
            await self._reload(force=force)
        except (ManifestError, StartError) as error:
            self._tell(error)
            return refused(error)
        return planned

    def _tell(self, error: ManifestError | StartError) -> None:
        log_refusal(error)
        self.refusals += 1
        self.refused = () if isinstance(error, WorkerRefused) else texts_of(error)

    async def _reload(self, *, force: bool = False) -> None:
        """Check first, then have the workers reload, one after the other. If the first does not,
        nothing has changed. Raises ManifestError and StartError.
        """
        async with self._turn:
            with self._manager.reloading():
                await self._reload_each(force)

    async def _reload_each(self, force: bool) -> None:
        began = time.monotonic()
        found: tuple[LinkedManifest, Selection] = await run_in_thread("reload", self._source)
        linked, selection = found
        check_sockets(self._linked, linked, selection, self._sockets)
        for position, worker in enumerate(self._workers):
            if not await worker.reload(force=force):
                if not position:
                    raise WorkerRefused("the first worker could not change")
                text = "worker %d goes on with the old version, and others have the new one"
                log.error(text, position + 1)
        self._linked = linked
        self.refused = ()
        took = format_duration(time.monotonic() - began)
        log.info("reloaded in %s: %d workers", took, len(self._workers))


def _check(planned: Outcome, force: bool) -> None:
    """Raise ManifestError or StartError for what the first worker says of the reload."""
    if planned["findings"]:
        raise ManifestError(findings_of(planned))
    losses = [(each["id"], each["lost"]) for each in planned["changes"] if each["lost"]]
    if losses and not force:
        raise StartError(refused_for(losses))


def check_sockets(
    before: LinkedManifest,
    linked: LinkedManifest,
    selection: Selection,
    sockets: Mapping[EntryId, Sequence[socket]],
) -> None:
    """Compare the servers with the sockets that are open. Raises StartError: workers that run
    cannot be given others.
    """
    for id in selection.running(linked):
        if linked.links[id].kind.bind is None:
            continue
        old = before.links.get(id)
        if id not in sockets or old is None or _addr(old) != _addr(linked.links[id]):
            raise StartError(f"{id}: workers that run cannot listen elsewhere; start them again")


def _addr(link: Link) -> object:
    return link.entry.fields.get("addr")
