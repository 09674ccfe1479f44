"""Engine: the threads of one run of a database."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from runtime.engines.sql.sqlite.batch import BatchItem
from runtime.engines.sql.sqlite.connection import Settings, open_reader, open_writer
from runtime.engines.sql.sqlite.connection_thread import ConnectionThread
from runtime.engines.sql.sqlite.file import Identity
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection
from runtime.engines.sql.sqlite.reader import read
from runtime.engines.sql.sqlite.statement_request import StatementRequest
from runtime.engines.sql.sqlite.work_queue import WorkQueue
from runtime.engines.sql.sqlite.writer import write
from runtime.engines.sql.sqlite.writer_transaction import WriterTransaction

READERS = 2
"""More only protect from more long queries at once, and make the short ones slower."""


class Engine:
    """One writer and its readers; a database in memory has one connection and no readers."""

    def __init__(self, settings: Settings) -> None:
        self.writing: WorkQueue[StatementRequest | BatchItem | WriterTransaction] = WorkQueue(
            settings.label
        )
        self.reading: (
            WorkQueue[StatementRequest]
            | WorkQueue[StatementRequest | BatchItem | WriterTransaction]
        ) = self.writing
        name = f"sqlite {settings.label}"
        self._abandoned = False
        self._readers: list[ConnectionThread] = []
        self._writer = ConnectionThread(
            f"{name} writer",
            partial(ManagedConnection, open_writer, settings, lambda: self._abandoned),
            partial(write, inbox=self.writing),
        )
        if not settings.in_memory:
            inbox: WorkQueue[StatementRequest] = WorkQueue(settings.label, READERS)
            self.reading = inbox
            self._readers = [
                ConnectionThread(
                    f"{name} reader",
                    partial(ManagedConnection, open_reader, settings, lambda: self._abandoned),
                    partial(read, inbox=inbox),
                )
                for _ in range(READERS)
            ]

    @property
    def _workers(self) -> list[ConnectionThread]:
        return [self._writer, *self._readers]

    @property
    def in_memory(self) -> bool:
        return self.reading is self.writing

    async def open(self) -> Identity | None:
        """Start the threads, the writer first; tell which file it is.

        Raises StartError or Unavailable.
        """
        sessions = [await worker.start() for worker in self._workers]
        return sessions[0].settings.known

    async def serve(self, stop: asyncio.Event) -> None:
        """Return when `stop` is set, or a thread has ended before."""
        stopping = asyncio.ensure_future(stop.wait())
        ends = [worker.ended for worker in self._workers]
        waits: list[asyncio.Future[Any]] = [stopping, *ends]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()

    async def close(self) -> None:
        """Take nothing more, finish what is queued, and close; raise what a thread died of.

        The writer closes last: the last one to close moves the journal into the file.
        """
        if self._abandoned:
            return
        self.reading.seal()
        self.writing.seal()
        try:
            if self._readers:
                self.reading.finish()
                await _ended(self._readers)
            self.writing.finish()
            await _ended([self._writer])
        finally:
            self.abandon()
        for worker in self._workers:
            if worker.ended.done():
                worker.ended.result()

    def abandon(self) -> None:
        """Take nothing more, break off what runs, refuse what is queued; wait for nothing."""
        self._abandoned = True
        self.reading.abandon()
        self.writing.abandon()
        for worker in self._workers:
            worker.interrupt()


async def _ended(workers: list[ConnectionThread]) -> None:
    """Wait for their ends; raise what one died of."""
    started = [worker.ended for worker in workers if worker.started]
    if started:
        await asyncio.wait(started)
    for end in started:
        end.result()
