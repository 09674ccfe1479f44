"""queue.consumer: calls a function with the messages of a queue."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from runtime.engines.queue.consumer import Consumer
from runtime.findings.finding import Problem
from runtime.kind import Arguments, BuildContext, Kind, Linked, Stage
from runtime.kinds.db.sql import Database
from runtime.kinds.function import Function, Separable
from runtime.kinds.queue import Queue


class Config(msgspec.Struct, frozen=True, kw_only=True):
    queue: Queue
    func: Function
    concurrency: int
    prefetch: int
    timeout: float | None
    transaction: Database | None


def build(config: Config, context: BuildContext) -> Consumer:
    function = config.func
    if isinstance(function, Separable):
        function = function.for_consumer(str(context.id), config.concurrency)
    return Consumer(
        config.queue,
        function,
        concurrency=config.concurrency,
        prefetch=config.prefetch,
        timeout=config.timeout,
        transactions=config.transaction.transaction if config.transaction else None,
        clock=context.clock,
        telemetry=context.telemetry,
        redact=context.scope.redactor.redact,
    )


def check(entry: Linked) -> Iterable[Arguments | Problem]:
    yield Arguments(("func",), 1, 1, "a consumer")
    database = entry.follow("transaction")
    driver = (queue := entry.follow("queue")) and queue.follow("driver")
    if database is None or driver is None:
        return
    if why := driver.kind.unsupported.get("transaction"):
        message = f"a transaction cannot reach the messages of '{driver.id}': {why}"
        hint = f"make it a queue.driver.sql with 'database: {database.id}'"
        yield Problem(("transaction",), message, hint)
        return
    storage = driver.follow("database")
    if storage is not None and storage.id != database.id:
        message = f"'{driver.id}' keeps its messages in '{storage.id}', not in '{database.id}'"
        yield Problem(("transaction",), message, f"write {storage.id}")


kind = Kind("queue.consumer", Config, build, stage=Stage.CONSUMER, check=check)
