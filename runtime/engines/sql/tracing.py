"""Tracing: the spans and events that the traced classes of every SQL database have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from runtime.engines.sql.contract import Parameters
from runtime.telemetry import Span, Telemetry


class Tracer:
    """The spans and events of one database."""

    def __init__(
        self, telemetry: Telemetry, label: str, system: str, verb: Callable[[str], str]
    ) -> None:
        """`system` is the database's name in telemetry; `verb` tells that of a statement."""
        self._telemetry = telemetry
        self._label = label
        self._attributes = {"db.system.name": system}
        self._verb = verb

    @contextmanager
    def statement(self, text: str) -> Iterator[Span]:
        """A span around one statement, which has its verb and neither its text nor its values."""
        with self._telemetry.span("sql.statement", self._label, **self._attributes) as span:
            if isinstance(text, str):
                span.attributes["db.operation.name"] = self._verb(text)
            yield span

    @contextmanager
    def script(self) -> Iterator[Span]:
        """A span around a script."""
        with self._telemetry.span("sql.statement", self._label, **self._attributes) as span:
            span.attributes["db.operation.name"] = "SCRIPT"
            yield span

    def transaction(self) -> AbstractContextManager[Span]:
        """A span around a transaction."""
        return self._telemetry.span("sql.transaction", self._label, **self._attributes)

    def commit(self, statements: int) -> None:
        """Tell of a commit. Called in any thread, in nobody's span."""
        self._telemetry.event("sql.commit", self._label, statements=statements)


class TracedCalls:
    """The calls of a database or transaction with a span each; stands in front of its class."""

    _tracer: Tracer

    async def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        with self._tracer.statement(text):
            return await super().query(text, parameters)  # type: ignore[misc, no-any-return]

    async def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        with self._tracer.statement(text):
            return await super().query_one(text, parameters)  # type: ignore[misc, no-any-return]

    async def execute(self, text: str, parameters: Parameters = ()) -> Any:
        with self._tracer.statement(text):
            return await super().execute(text, parameters)  # type: ignore[misc]

    async def executemany(self, text: str, rows: Iterable[Parameters]) -> Any:
        with self._tracer.statement(text):
            return await super().executemany(text, rows)  # type: ignore[misc]

    async def executescript(self, script: str) -> None:
        with self._tracer.script():
            await super().executescript(script)  # type: ignore[misc]


class TracedBlockingCalls:
    """The same for threads."""

    _tracer: Tracer

    def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        with self._tracer.statement(text):
            return super().query(text, parameters)  # type: ignore[misc, no-any-return]

    def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        with self._tracer.statement(text):
            return super().query_one(text, parameters)  # type: ignore[misc, no-any-return]

    def execute(self, text: str, parameters: Parameters = ()) -> Any:
        with self._tracer.statement(text):
            return super().execute(text, parameters)  # type: ignore[misc]

    def executemany(self, text: str, rows: Iterable[Parameters]) -> Any:
        with self._tracer.statement(text):
            return super().executemany(text, rows)  # type: ignore[misc]

    def executescript(self, script: str) -> None:
        with self._tracer.script():
            super().executescript(script)  # type: ignore[misc]
