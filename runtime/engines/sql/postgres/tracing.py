"""Tracing: a database that tells telemetry of its statements, transactions and commits.

A class of its own, chosen when the database is made, so that the plain one has no extra call. What
blocks is traced by what it calls.
"""

from __future__ import annotations

from runtime.engines.sql.postgres.database import Database
from runtime.engines.sql.postgres.settings import Settings
from runtime.engines.sql.postgres.statement import parse
from runtime.engines.sql.postgres.transaction import Begin, Transaction
from runtime.engines.sql.tracing import TracedCalls, Tracer
from runtime.telemetry import OFF, Telemetry


def database(settings: Settings, telemetry: Telemetry = OFF) -> Database:
    """A database, which tells telemetry of its work if anybody listens."""
    return TracedDatabase(settings, telemetry) if telemetry.enabled else Database(settings)


def _verb(text: str) -> str:
    return parse(text).verb


class TracedDatabase(TracedCalls, Database):
    """A `Database` with spans."""

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        self._tracer = Tracer(telemetry, settings.name, "postgresql", _verb)
        super().__init__(settings, self._tracer.commit)

    def transaction(self) -> Transaction:
        return TracedTransaction(self.begin, self._tracer)


class TracedTransaction(TracedCalls, Transaction):
    """A `Transaction` with a span from its begin to its end, and one for each statement."""

    def __init__(self, begin: Begin, tracer: Tracer) -> None:
        super().__init__(begin)
        self._tracer = tracer.inside
        self._commits = tracer
        self._span = tracer.transaction()

    def enter(self) -> None:
        super().enter()
        self._span.__enter__()

    def conclude(self, error: BaseException | None) -> None:
        if error is None:
            self._commits.add_commit(self._span.span)
            self._span.__exit__(None, None, None)
        else:
            self._span.__exit__(type(error), error, error.__traceback__)
