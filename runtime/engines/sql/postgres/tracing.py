"""Tracing: a database that tells telemetry of its statements, transactions and commits.

A class of its own, chosen when the database is made, so that the plain one has no extra call. What
blocks is traced by what it calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from runtime.engines.sql.contract import Parameters
from runtime.engines.sql.postgres.database import Database
from runtime.engines.sql.postgres.result import Result
from runtime.engines.sql.postgres.settings import Settings
from runtime.engines.sql.postgres.statement import parse
from runtime.engines.sql.postgres.transaction import Begin, Transaction
from runtime.telemetry import OFF, Span, Telemetry

_SYSTEM = {"db.system.name": "postgresql"}


def database(settings: Settings, telemetry: Telemetry = OFF) -> Database:
    """A database, which tells telemetry of its work if anybody listens."""
    return TracedDatabase(settings, telemetry) if telemetry.enabled else Database(settings)


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
                span.attributes["db.operation.name"] = parse(text).verb
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
        """Tell of a commit."""
        self._telemetry.event("sql.commit", self._label, statements=statements)


class TracedDatabase(Database):
    """A `Database` with spans."""

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        self._tracer = Tracer(telemetry, settings.label)
        super().__init__(settings, self._tracer.commit)

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

    def enter(self) -> None:
        super().enter()
        self._span.__enter__()

    def conclude(self, error: BaseException | None) -> None:
        if error is None:
            self._span.__exit__(None, None, None)
        else:
            self._span.__exit__(type(error), error, error.__traceback__)

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
