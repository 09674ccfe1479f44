"""The clock is handed in: only the modules that are listed here use real time."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.test_architecture import MODULES, tree

REPORTS = "it reports when something happened, or how long it took"
DRAIN = "services start and stop within real time, so that a start or a drain always ends"
PROCESSES = "other processes start, crash and stop in real time"
CLIENTS = "clients send and receive in real time"
LOCKS = "other programs hold locks in real time"
SYNCS = "the disk syncs in real time"
SERVERS = "servers answer, or do not, in real time"
TESTS = "a test gives an application so much real time, or tells how much it took"
FAIRNESS = "it yields to others after a slice of real time"

REAL_TIME = {
    "runtime.clock": "it is the real clock",
    "runtime.engines.sql.tracing": REPORTS,
    "runtime.engines.sql.sqlite.backup": REPORTS,
    "runtime.engines.management.traces.exporter": SERVERS,
    "runtime.engines.management.traces.routes": REPORTS,
    "runtime.engines.management.traces.traces": REPORTS,
    "runtime.telemetry.opentelemetry.tracer": REPORTS,
    "runtime.telemetry.rate_limiter": REPORTS,
    "runtime.telemetry.span": REPORTS,
    "runtime.telemetry.telemetry": REPORTS,
    "runtime.telemetry.tracepoint": REPORTS,
    "runtime.log.log": REPORTS,
    "runtime.application.application": REPORTS,
    "runtime.application.operations.services": REPORTS,
    "runtime.application.operations.queues": CLIENTS,
    "runtime.cli.dead": REPORTS,
    "runtime.cli.task": CLIENTS,
    "runtime.cli.times": REPORTS,
    "runtime.application.counting": REPORTS,
    "runtime.supervision.supervisor": DRAIN,
    "runtime.supervision.child": DRAIN,
    "runtime.application.exchange": DRAIN,
    "runtime.program.reloading": REPORTS,
    "runtime.engines.management.pulse": REPORTS,
    "runtime.engines.management.lengths": CLIENTS,
    "runtime.engines.management.source": CLIENTS,
    "runtime.engines.management.rights": CLIENTS,
    "runtime.engines.management.login": CLIENTS,
    "runtime.engines.management.outlook": REPORTS,
    "runtime.engines.management.pages.events": CLIENTS,
    "runtime.program.management": REPORTS,
    "runtime.program.worker_link": CLIENTS,
    "runtime.cli.editor.diagnostics": "it waits until nobody types",
    "runtime.cli.status": REPORTS,
    "runtime.handlers.threads": REPORTS,
    "runtime.handlers.watchdog": REPORTS,
    "runtime.program.command": DRAIN,
    "runtime.program.loop": DRAIN,
    "runtime.program.service_manager": REPORTS,
    "runtime.program.signals": DRAIN,
    "runtime.program.prefork": PROCESSES,
    "runtime.program.prefork_reloading": REPORTS,
    "runtime.program.watch": "it looks at files ten times a second, and measures what that costs",
    "runtime.engines.command.command": PROCESSES,
    "runtime.kinds.http.service": DRAIN,
    "runtime.kinds.process.service": DRAIN,
    "runtime.program.worker_process": PROCESSES,
    "runtime.engines.queue.batch_attempt": REPORTS,
    "runtime.engines.schedule.target": REPORTS,
    "runtime.engines.web.access_log": REPORTS,
    "runtime.engines.queue.changes": "it looks on behalf of a client that waits",
    "runtime.engines.web.drain": DRAIN,
    "runtime.engines.web.server": CLIENTS,
    "runtime.engines.web.acceptor": CLIENTS,
    "runtime.engines.web.protocol.connection": CLIENTS,
    "runtime.engines.web.protocol.connections": CLIENTS,
    "runtime.engines.sql.sqlite.batch": LOCKS,
    "runtime.engines.sql.sqlite.busy_retry": LOCKS,
    "runtime.engines.sql.sqlite.compound": LOCKS,
    "runtime.engines.sql.sqlite.deferring_queue": SYNCS,
    "runtime.engines.sql.sqlite.managed_connection": LOCKS,
    "runtime.engines.sql.sqlite.statement_request": LOCKS,
    "runtime.engines.sql.sqlite.writer_transaction": LOCKS,
    "runtime.cli.addresses": SERVERS,
    "runtime.engines.sql.sqlite.exclusive": LOCKS,
    "runtime.engines.sql.postgres.exclusive": LOCKS,
    "runtime.engines.sql.postgres.pool": SERVERS,
    "runtime.engines.sql.postgres.server_transaction": SERVERS,
    "runtime.engines.sql.sqlite.reader": FAIRNESS,
    "runtime.engines.sql.sqlite.effort": FAIRNESS,
    "runtime.engines.sql.sqlite.loop_access": FAIRNESS,
    "runtime.engines.sql.sqlite.read_queue": FAIRNESS,
    "runtime.engines.sql.sqlite.write_queue": FAIRNESS,
    "runtime.engines.queue.worker": FAIRNESS,
    "runtime.engines.queue.consumer": DRAIN,
    "runtime.testing.activity": TESTS,
    "runtime.testing.host": TESTS,
    "runtime.testing.quiet": TESTS,
    "runtime.engines.queue.amqp.link": CLIENTS,
    "runtime.engines.queue.amqp.publisher": CLIENTS,
    "runtime.engines.queue.sql.postgres.keeper": SERVERS,
    "runtime.engines.queue.sql.postgres.leader": SERVERS,
    "runtime.engines.queue.sql.postgres.link": SERVERS,
    "runtime.engines.queue.sql.postgres.listening": SERVERS,
    "runtime.engines.queue.sql.postgres.notifier": SERVERS,
    "runtime.engines.queue.sql.sqlite.liveness": "leases expire on one clock for all processes",
}
"""Modules that use real time, and the reason why no test may move it."""

WAITS = ("asyncio.sleep", "asyncio.timeout", "asyncio.timeout_at", "asyncio.wait_for")
NOW = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today")


def real_time(module: ast.Module) -> Iterator[str]:
    """The places where a module reads real time or waits for it."""
    for node in ast.walk(module):
        text = ast.unparse(node) if isinstance(node, ast.expr | ast.stmt) else ""
        match node:
            case ast.Import(names=names) if any(alias.name == "time" for alias in names):
                yield text
            case ast.ImportFrom(module="time"):
                yield text
            case ast.Attribute(value=owner, attr="time" | "call_later" | "call_at"):
                if not ast.unparse(owner).endswith(("clock", "self", "time")):
                    yield text
            case ast.Call(args=[ast.Constant(value=0)]) if text == "asyncio.sleep(0)":
                pass  # lets others run, and does not wait
            case ast.Call(args=[ast.Constant(value=None)]) if text == "asyncio.timeout(None)":
                pass  # expires when it is told to, by a clock
            case ast.Call(keywords=words) if text.startswith("asyncio.wait("):
                if any(word.arg == "timeout" for word in words):
                    yield text
            case ast.Call(func=function) if ast.unparse(function).endswith((*WAITS, *NOW)):
                yield text


@pytest.mark.parametrize("name", MODULES)
def test_a_module_asks_the_clock_it_was_given(name: str) -> None:
    if name not in REAL_TIME:
        assert [*real_time(tree(name))] == []


@pytest.mark.parametrize("name", REAL_TIME)
def test_a_module_that_is_listed_does_use_real_time(name: str) -> None:
    assert [*real_time(tree(name))]


@pytest.mark.parametrize(
    "text",
    [
        "import time",
        "from time import monotonic",
        "loop.time()",
        "now = asyncio.get_running_loop().time",
        "self._loop.call_later(1, f)",
        "loop.call_at(1, f)",
        "await asyncio.sleep(1)",
        "await asyncio.sleep(pause)",
        "asyncio.timeout(1)",
        "asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=1)",
        "asyncio.wait_for(event.wait(), 1)",
        "datetime.datetime.now(UTC)",
    ],
)
def test_real_time_is_found(text: str) -> None:
    assert [*real_time(ast.parse(text))]


@pytest.mark.parametrize(
    "text",
    [
        "await asyncio.sleep(0)",
        "asyncio.timeout(None)",
        "self._clock.time()",
        "clock.monotonic()",
        "context.clock.call_later(1, f)",
        "wait_for(event, 1, clock)",
        "self.time",
    ],
)
def test_a_clock_that_was_handed_in_is_not_real_time(text: str) -> None:
    assert [*real_time(ast.parse(text))] == []
