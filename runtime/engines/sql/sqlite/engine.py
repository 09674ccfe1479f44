"""Engine: the threads of one run of a database."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from runtime.engines.sql.sqlite.commits import Commits
from runtime.engines.sql.sqlite.connection import Settings, open_reader, open_writer
from runtime.engines.sql.sqlite.connection_thread import ConnectionThread
from runtime.engines.sql.sqlite.deferring_queue import DeferringQueue
from runtime.engines.sql.sqlite.file import Identity
from runtime.engines.sql.sqlite.loop_access import LoopAccess
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection, OnCommit
from runtime.engines.sql.sqlite.read_queue import ReadQueue
from runtime.engines.sql.sqlite.reader import read
from runtime.engines.sql.sqlite.work_queue import WorkQueue
from runtime.engines.sql.sqlite.write_queue import WriteQueue
from runtime.engines.sql.sqlite.writer import Item, write
from runtime.handlers.threads import run_in_thread

READERS = 2
"""More would only help against more long queries at once, and make the short ones slower."""


class Engine:
    """One writer and its readers; a database in memory has one connection and no readers."""

    def __init__(
        self,
        settings: Settings,
        on_commit: OnCommit | None = None,
        commits: Commits | None = None,
    ) -> None:
        """`on_commit` is called by the thread or the loop; `commits` are for who counts them."""
        self.write_queue: WorkQueue[Item]
        access: LoopAccess | None = None
        if settings.in_memory:
            self.write_queue = WorkQueue(settings.name)
        elif settings.waits_for_disk:
            self.write_queue = DeferringQueue(settings.name)
        else:
            access = LoopAccess(settings.file)
            self.write_queue = WriteQueue(settings.name, access)
        self.read_queue: ReadQueue | None = None
        """None in memory, where the one connection also reads."""
        name = f"sqlite {settings.label}"
        self._abandoned = False
        self._readers: list[ConnectionThread] = []
        self._for_loop: ManagedConnection | None = None
        self._writer = ConnectionThread(
            f"{name} writer",
            partial(
                ManagedConnection, open_writer, settings, self._is_abandoned, on_commit, commits
            ),
            partial(write, work_queue=self.write_queue, access=access),
        )
        if not settings.in_memory:
            read_queue = self.read_queue = ReadQueue(settings.name, READERS)
            self._readers = [
                ConnectionThread(
                    f"{name} reader",
                    partial(ManagedConnection, open_reader, settings, self._is_abandoned),
                    partial(read, work_queue=read_queue),
                )
                for _ in range(READERS)
            ]

    @property
    def rejecting(self) -> str | None:
        """Why a write was rejected in the last minute."""
        return self._writer.rejecting

    @property
    def _threads(self) -> list[ConnectionThread]:
        return [self._writer, *self._readers]

    async def open(self) -> Identity | None:
        """Start the threads, the writer first; return the identity of the open file.

        Raises StartError or Unavailable.
        """
        connections = [await thread.start() for thread in self._threads]
        settings = connections[0].settings
        if self.read_queue is not None:
            await run_in_thread("open reader", self._open_for_loop, settings)
            assert self._for_loop is not None
            self.read_queue.use(self._for_loop)
        return settings.expected_file

    async def serve(self, stop: asyncio.Event) -> None:
        """Return when `stop` is set, or earlier if a thread has ended."""
        stopping = asyncio.ensure_future(stop.wait())
        ends = [thread.ended for thread in self._threads]
        waits: list[asyncio.Future[Any]] = [stopping, *ends]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()

    async def close(self) -> None:
        """Accept nothing more, finish all that is queued, and close. Raises a thread's error.

        The writer closes last: the last connection to close moves the journal into the file.
        """
        if self._abandoned:
            return
        if self.read_queue is not None:
            self.read_queue.seal()
        self.write_queue.seal()
        try:
            if self.read_queue is not None:
                self.read_queue.finish()
                await _wait_for_end(self._readers)
                self.read_queue.close()
            self.write_queue.finish()
            await _wait_for_end([self._writer])
        finally:
            self.abandon()
        for thread in self._threads:
            if thread.ended.done():
                thread.ended.result()

    def abandon(self) -> None:
        """Accept nothing more, interrupt running statements, refuse queued ones; never wait."""
        self._abandoned = True
        if self.read_queue is not None:
            self.read_queue.abandon()
            self.read_queue.close()
        if self._for_loop is not None:  # one that nobody came to use
            self._for_loop.close()
        self.write_queue.abandon()
        for thread in self._threads:
            thread.interrupt()

    def _open_for_loop(self, settings: Settings) -> None:
        """Open the loop's connection in a thread, which nobody may wait for any more."""
        self._for_loop = ManagedConnection(open_reader, settings, self._is_abandoned)
        if self._abandoned:
            self._for_loop.close()

    def _is_abandoned(self) -> bool:
        return self._abandoned


async def _wait_for_end(threads: list[ConnectionThread]) -> None:
    """Wait until all have ended. Raises the error that ended one."""
    started = [thread.ended for thread in threads if thread.started]
    if started:
        await asyncio.wait(started)
    for end in started:
        end.result()
