"""Tracing: a database that tells telemetry of its statements, transactions and commits.

A class of its own, chosen when the database is made, so that the plain one has no extra call.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from runtime.engines.sql.sqlite.blocking import (
    Begin,
    BlockingDatabase,
    BlockingTransaction,
    Enqueue,
    Submit,
)
from runtime.engines.sql.sqlite.commits import Commits
from runtime.engines.sql.sqlite.connection import Settings
from runtime.engines.sql.sqlite.database import Database
from runtime.engines.sql.sqlite.statement import classify
from runtime.engines.sql.sqlite.transaction import Transaction
from runtime.engines.sql.sqlite.writer_transaction import WriterTransaction
from runtime.engines.sql.tracing import TracedBlockingCalls, TracedCalls, Tracer
from runtime.telemetry import OFF, Telemetry


def database(
    settings: Settings,
    transaction_timeout: float,
    telemetry: Telemetry = OFF,
    commits: Commits | None = None,
) -> Database:
    """A database, which tells telemetry of its work if anybody listens."""
    if telemetry.enabled:
        return TracedDatabase(settings, transaction_timeout, telemetry, commits)
    return Database(settings, transaction_timeout, commits=commits)


def _verb(text: str) -> str:
    return classify(text).verb


class TracedDatabase(TracedCalls, Database):
    """A `Database` with spans."""

    def __init__(
        self,
        settings: Settings,
        transaction_timeout: float,
        telemetry: Telemetry,
        commits: Commits | None = None,
    ) -> None:
        self._tracer = Tracer(telemetry, settings.name, "sqlite", _verb)
        super().__init__(settings, transaction_timeout, self._tracer.commit, commits)
        self.blocking = TracedBlockingDatabase(self.submit, self.enqueue, self.begin, self._tracer)

    def transaction(self) -> Transaction:
        return TracedTransaction(self.begin, self._tracer)


class TracedTransaction(TracedCalls, Transaction):
    """A `Transaction` with a span from its begin to its end, and one for each statement."""

    def __init__(self, begin: Begin, tracer: Tracer) -> None:
        super().__init__(begin)
        self._tracer = tracer.inside
        self._commits = tracer
        self._span = tracer.transaction()

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._span.__enter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await super().__aexit__(kind, error, traceback)
        except BaseException as failure:
            self._span.__exit__(type(failure), failure, failure.__traceback__)
            raise
        if error is None:
            self._commits.add_commit(self._span.span)
        self._span.__exit__(kind, error, traceback)

    @property
    def blocking(self) -> BlockingTransaction:
        return TracedBlockingTransaction(self._begin, self._commits, self._entered())


class TracedBlockingDatabase(TracedBlockingCalls, BlockingDatabase):
    """A `BlockingDatabase` with spans."""

    def __init__(self, submit: Submit, enqueue: Enqueue, begin: Begin, tracer: Tracer) -> None:
        super().__init__(submit, enqueue, begin)
        self._tracer = tracer

    def transaction(self) -> BlockingTransaction:
        return TracedBlockingTransaction(self._begin, self._tracer)


class TracedBlockingTransaction(TracedBlockingCalls, BlockingTransaction):
    """A `BlockingTransaction` with spans.

    One that somebody else entered has a span already.
    """

    def __init__(
        self, begin: Begin, tracer: Tracer, entered: WriterTransaction | None = None
    ) -> None:
        super().__init__(begin, entered)
        self._tracer = tracer.inside
        self._commits = tracer
        self._span = tracer.transaction()

    def __enter__(self) -> Self:
        super().__enter__()
        self._span.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            super().__exit__(kind, error, traceback)
        except BaseException as failure:
            self._span.__exit__(type(failure), failure, failure.__traceback__)
            raise
        if error is None:
            self._commits.add_commit(self._span.span)
        self._span.__exit__(kind, error, traceback)
