"""Tracing: the spans and events that the traced classes of every SQL database have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from copy import copy
from time import monotonic
from typing import Any

from runtime.engines.sql.contract import Parameters
from runtime.telemetry import MOST_SPANS, Block, Event, Span, Telemetry, Tracepoint, current_span

MOST_TEXTS = 1024
LONGEST_TEXT = 2_000
"""Statements, and characters of one, whose description is remembered."""

_LITERAL = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_NAME = r"\s+(?:ONLY\s+)?(?:\w+\.)?\"?(\w+)"
_TABLE = {
    "INSERT": re.compile(rf"\bINTO{_NAME}", re.IGNORECASE),
    "REPLACE": re.compile(rf"\bINTO{_NAME}", re.IGNORECASE),
    "UPDATE": re.compile(rf"\bUPDATE(?:\s+OR\s+\w+)?{_NAME}", re.IGNORECASE),
    "DELETE": re.compile(rf"\bFROM{_NAME}", re.IGNORECASE),
    "SELECT": re.compile(rf"\bFROM{_NAME}", re.IGNORECASE),
}


class Tracer:
    """The spans and events of one database. A statement's has its verb and its table, and neither
    its text nor its values.
    """

    def __init__(
        self, telemetry: Telemetry, entry: str, system: str, verb: Callable[[str], str]
    ) -> None:
        """`entry` is the id of the database, `system` the name of its kind in telemetry; `verb`
        tells that of a statement, and raises ValueError for a text that is none.
        """
        self._telemetry = telemetry
        self._entry = entry
        self._system = system
        self._verb = verb
        self._by_text: dict[str, Tracepoint] = {}
        self._by_name: dict[tuple[str, str], Tracepoint] = {}
        self.statement = telemetry.tracepoint("sql.statement", entry, resolve=self._place)
        """Of a statement, with the beginning of its text as the subject: a trace may have many."""
        self.script = self._tracepoint("SCRIPT", "")
        self._unknown = self._tracepoint("", "")
        name, attributes = "sql.transaction", {"db.system.name": system}
        self._transaction = telemetry.tracepoint(name, entry, "transaction", attributes)
        self.last_commit: Event = (0.0, "sql.commit", {})
        self.inside = copy(self)
        """For the statements of a transaction, none of which is committed by itself."""

    def _place(self, text: str) -> Tracepoint:
        tracepoint = self._by_text.get(text) if isinstance(text, str) else self._unknown
        return tracepoint or self._described(text)

    def fail(self, around: Span | None, began: float, text: str, error: BaseException) -> None:
        """Add the span of a statement, or of what should have been one, that ends with an error."""
        told = text[:LONGEST_TEXT] if isinstance(text, str) else text
        self.statement.finish(around, began, told, error)

    def transaction(self) -> Block:
        """A span around a transaction."""
        return self._transaction.block()

    def commit(self, statements: int) -> None:
        """Take note of a commit. Called in any thread, in nobody's span."""
        self.last_commit = (monotonic(), "sql.commit", {"statements": statements})
        if self._telemetry.listener is not None:
            self._telemetry.event("sql.commit", self._entry, statements=statements)

    def add_commit(self, span: Span) -> None:
        """Add the last commit to the span of a transaction that has waited for it."""
        if self.last_commit[0] >= span.began:
            span.events = [*(span.events or ()), self.last_commit]

    def _described(self, text: str) -> Tracepoint:
        try:
            verb = self._verb(text)
        except ValueError:  # which the caller of the database was told
            return self._unknown
        table = _table(verb, text)
        tracepoint = self._by_name.get((verb, table))
        if tracepoint is None:
            tracepoint = self._tracepoint(verb, table)
            if len(self._by_name) < MOST_TEXTS:
                self._by_name[verb, table] = tracepoint
        if len(text) <= LONGEST_TEXT:
            if len(self._by_text) >= MOST_TEXTS:
                self._by_text.clear()
            self._by_text[text] = tracepoint
        return tracepoint

    def _tracepoint(self, verb: str, table: str) -> Tracepoint:
        attributes = {"db.system.name": self._system}
        if verb:
            attributes["db.operation.name"] = verb
        if table:
            attributes["db.collection.name"] = table
        title = f"{verb} {table}".strip() or "statement"
        return self._telemetry.tracepoint("sql.statement", self._entry, title, attributes)


def _table(verb: str, text: str) -> str:
    """The table that a statement names first; empty if it names none plainly."""
    pattern = _TABLE.get(verb)
    found = pattern and pattern.search(_LITERAL.sub("''", text))
    return found[1] if found else ""


class TracedCalls:
    """The calls of a database or transaction with a span each; stands in front of its class."""

    _tracer: Tracer

    async def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        around, began = current_span(), monotonic()
        try:
            result: list[dict[str, Any]] = await super().query(text, parameters)  # type: ignore[misc]
        except BaseException as error:
            self._tracer.fail(around, began, text, error)
            raise
        self._tracer.statement.finish(around, began, text[:LONGEST_TEXT])
        return result

    async def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        around, began = current_span(), monotonic()
        try:
            result: dict[str, Any] | None = await super().query_one(text, parameters)  # type: ignore[misc]
        except BaseException as error:
            self._tracer.fail(around, began, text, error)
            raise
        self._tracer.statement.finish(around, began, text[:LONGEST_TEXT])
        return result

    async def execute(self, text: str, parameters: Parameters = ()) -> Any:
        around, began = current_span(), monotonic()
        try:
            result = await super().execute(text, parameters)  # type: ignore[misc]
        except BaseException as error:
            self._tracer.fail(around, began, text, error)
            raise
        tracer, told = self._tracer, text[:LONGEST_TEXT]
        place, commit = tracer.statement, tracer.last_commit
        steps = None if around is None else (around.root or around).steps
        if steps is not None and len(steps) < MOST_SPANS:  # as `finish`, without its call
            steps.append((place, around, began, monotonic(), told, None, commit))
        else:
            place.finish(around, began, told, None, commit)
        return result

    async def executemany(self, text: str, rows: Iterable[Parameters]) -> Any:
        around, began = current_span(), monotonic()
        try:
            result = await super().executemany(text, rows)  # type: ignore[misc]
        except BaseException as error:
            self._tracer.fail(around, began, text, error)
            raise
        tracer = self._tracer
        tracer.statement.finish(around, began, text[:LONGEST_TEXT], None, tracer.last_commit)
        return result

    async def executescript(self, script: str) -> None:
        around, began = current_span(), monotonic()
        try:
            await super().executescript(script)  # type: ignore[misc]
        except BaseException as error:
            self._tracer.script.finish(around, began, None, error)
            raise
        tracer = self._tracer
        tracer.script.finish(around, began, None, None, tracer.last_commit)


class TracedBlockingCalls:
    """The same for threads."""

    _tracer: Tracer

    def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        around, began = current_span(), monotonic()
        try:
            result: list[dict[str, Any]] = super().query(text, parameters)  # type: ignore[misc]
        except BaseException as error:
            self._tracer.fail(around, began, text, error)
            raise
        self._tracer.statement.finish(around, began, text[:LONGEST_TEXT])
        return result

    def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        around, began = current_span(), monotonic()
        try:
            result: dict[str, Any] | None = super().query_one(text, parameters)  # type: ignore[misc]
        except BaseException as error:
            self._tracer.fail(around, began, text, error)
            raise
        self._tracer.statement.finish(around, began, text[:LONGEST_TEXT])
        return result

    def execute(self, text: str, parameters: Parameters = ()) -> Any:
        around, began = current_span(), monotonic()
        try:
            result = super().execute(text, parameters)  # type: ignore[misc]
        except BaseException as error:
            self._tracer.fail(around, began, text, error)
            raise
        tracer = self._tracer
        tracer.statement.finish(around, began, text[:LONGEST_TEXT], None, tracer.last_commit)
        return result

    def executemany(self, text: str, rows: Iterable[Parameters]) -> Any:
        around, began = current_span(), monotonic()
        try:
            result = super().executemany(text, rows)  # type: ignore[misc]
        except BaseException as error:
            self._tracer.fail(around, began, text, error)
            raise
        tracer = self._tracer
        tracer.statement.finish(around, began, text[:LONGEST_TEXT], None, tracer.last_commit)
        return result

    def executescript(self, script: str) -> None:
        around, began = current_span(), monotonic()
        try:
            super().executescript(script)  # type: ignore[misc]
        except BaseException as error:
            self._tracer.script.finish(around, began, None, error)
            raise
        tracer = self._tracer
        tracer.script.finish(around, began, None, None, tracer.last_commit)
