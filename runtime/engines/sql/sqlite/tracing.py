"""Tracing: a database that tells telemetry of its statements, transactions and commits.

A class of its own, chosen when the database is made, so that the plain one has no extra call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, Self

from runtime.engines.sql.contract import Parameters
from runtime.engines.sql.sqlite.blocking import (
    Begin,
    BlockingDatabase,
    BlockingTransaction,
    Enqueue,
    Submit,
)
from runtime.engines.sql.sqlite.connection import Settings
from runtime.engines.sql.sqlite.database import Database
from runtime.engines.sql.sqlite.result import Result
from runtime.engines.sql.sqlite.statement import classify
from runtime.engines.sql.sqlite.transaction import Transaction
from runtime.engines.sql.sqlite.writer_transaction import WriterTransaction
from runtime.telemetry import OFF, Span, Telemetry

_SYSTEM = {"db.system.name": "sqlite"}


def database(
    settings: Settings, transaction_timeout: float, telemetry: Telemetry = OFF
) -> Database:
    """A database, which tells telemetry of its work if anybody listens."""
    if telemetry.enabled:
        return TracedDatabase(settings, transaction_timeout, telemetry)
    return Database(settings, transaction_timeout)


class Tracer:
    """The spans and events of one database."""

    def __init__(self, telemetry: Telemetry, label: str) -> None:
        self._telemetry = telemetry
        self._label = label

    @contextmanager
    def statement(self, text: str) -> Iterator[Span]:
        """A span around one statement, which has its verb and neither its text nor its values."""
        with self._telemetry.span("sql.statement", self._label, **_SYSTEM) as span:
            if isinstance(text, str):
                span.attributes["db.operation.name"] = classify(text).verb
            yield span

    @contextmanager
    def script(self) -> Iterator[Span]:
        """A span around a script."""
        with self._telemetry.span("sql.statement", self._label, **_SYSTEM) as span:
            span.attributes["db.operation.name"] = "SCRIPT"
            yield span

    def transaction(self) -> AbstractContextManager[Span]:
        """A span around a transaction."""
        return self._telemetry.span("sql.transaction", self._label, **_SYSTEM)

    def commit(self, statements: int) -> None:
        """Tell of a commit. Called in the writer's thread or on the loop, in nobody's span."""
        self._telemetry.event("sql.commit", self._label, statements=statements)


class TracedDatabase(Database):
    """A `Database` with spans."""

    def __init__(
        self, settings: Settings, transaction_timeout: float, telemetry: Telemetry
    ) -> None:
        self._tracer = Tracer(telemetry, settings.label)
        super().__init__(settings, transaction_timeout, self._tracer.commit)
        self.blocking = TracedBlockingDatabase(self.submit, self.enqueue, self.begin, self._tracer)

    async def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        with self._tracer.statement(text):
            return await super().query(text, parameters)

    async def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        with self._tracer.statement(text):
            return await super().query_one(text, parameters)

    async def execute(self, text: str, parameters: Parameters = ()) -> Result:
        with self._tracer.statement(text):
            return await super().execute(text, parameters)

    async def executemany(self, text: str, rows: Iterable[Parameters]) -> Result:
        with self._tracer.statement(text):
            return await super().executemany(text, rows)

    async def executescript(self, script: str) -> None:
        with self._tracer.script():
            await super().executescript(script)

    def transaction(self) -> Transaction:
        return TracedTransaction(self.begin, self._tracer)


class TracedTransaction(Transaction):
    """A `Transaction` with a span from its begin to its end, and one for each statement."""

    def __init__(self, begin: Begin, tracer: Tracer) -> None:
        super().__init__(begin)
        self._tracer = tracer
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
        self._span.__exit__(kind, error, traceback)

    @property
    def blocking(self) -> BlockingTransaction:
        return TracedBlockingTransaction(self._begin, self._tracer, self._entered())

    async def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        with self._tracer.statement(text):
            return await super().query(text, parameters)

    async def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        with self._tracer.statement(text):
            return await super().query_one(text, parameters)

    async def execute(self, text: str, parameters: Parameters = ()) -> Result:
        with self._tracer.statement(text):
            return await super().execute(text, parameters)

    async def executemany(self, text: str, rows: Iterable[Parameters]) -> Result:
        with self._tracer.statement(text):
            return await super().executemany(text, rows)

    async def executescript(self, script: str) -> None:
        with self._tracer.script():
            await super().executescript(script)


class TracedBlockingDatabase(BlockingDatabase):
    """A `BlockingDatabase` with spans."""

    def __init__(self, submit: Submit, enqueue: Enqueue, begin: Begin, tracer: Tracer) -> None:
        super().__init__(submit, enqueue, begin)
        self._tracer = tracer

    def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        with self._tracer.statement(text):
            return super().query(text, parameters)

    def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        with self._tracer.statement(text):
            return super().query_one(text, parameters)

    def execute(self, text: str, parameters: Parameters = ()) -> Result:
        with self._tracer.statement(text):
            return super().execute(text, parameters)

    def executemany(self, text: str, rows: Iterable[Parameters]) -> Result:
        with self._tracer.statement(text):
            return super().executemany(text, rows)

    def executescript(self, script: str) -> None:
        with self._tracer.script():
            super().executescript(script)

    def transaction(self) -> BlockingTransaction:
        return TracedBlockingTransaction(self._begin, self._tracer)


class TracedBlockingTransaction(BlockingTransaction):
    """A `BlockingTransaction` with spans.

    One that somebody else entered has a span already.
    """

    def __init__(
        self, begin: Begin, tracer: Tracer, entered: WriterTransaction | None = None
    ) -> None:
        super().__init__(begin, entered)
        self._tracer = tracer
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
        self._span.__exit__(kind, error, traceback)

    def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        with self._tracer.statement(text):
            return super().query(text, parameters)

    def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        with self._tracer.statement(text):
            return super().query_one(text, parameters)

    def execute(self, text: str, parameters: Parameters = ()) -> Result:
        with self._tracer.statement(text):
            return super().execute(text, parameters)

    def executemany(self, text: str, rows: Iterable[Parameters]) -> Result:
        with self._tracer.statement(text):
            return super().executemany(text, rows)

    def executescript(self, script: str) -> None:
        with self._tracer.script():
            super().executescript(script)
