"""queue.consumer: calls a function with the messages of a queue."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial

import msgspec

from runtime.engines.queue.arguments import batch_arguments, message_arguments
from runtime.engines.queue.batch import Batching
from runtime.engines.queue.consumer import Consumer
from runtime.engines.queue.limits import Limits
from runtime.engines.queue.tally import Tally
from runtime.findings.finding import Note, Problem
from runtime.kind import Arguments, BuildContext, Claim, Kind, Linked, Stage
from runtime.kinds.db.sql import Database
from runtime.kinds.function import Function, Separable
from runtime.kinds.queue import Queue, called_by
from runtime.units import format_duration

MARGIN = 5 / 6
"""The share of a broker's limit that a call may take: it looks at its watch once a minute."""

REVISED = ("func", "timeout", "concurrency")

SPARE = 2
"""Connections of a pool that the transactions of a consumer must leave to others."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    queue: Queue
    func: Function
    concurrency: int
    prefetch: int
    timeout: float | None
    transaction: Database | None
    batch: Batching | None
    rate: tuple[int, float] | None
    concurrency_by: str | None
    per_key: int | None


def build(config: Config, context: BuildContext) -> Consumer:
    function = config.func
    if isinstance(function, Separable):
        function = function.for_consumer(str(context.id), config.concurrency)
    arguments = message_arguments if config.batch is None else batch_arguments
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
        arguments=arguments(config.func, context.scope),
        batching=config.batch,
        tally=Tally() if context.scope.counts else None,
        limits=_limits(config, str(context.id)),
    )


def _limits(config: Config, id: str) -> Limits | None:
    by, per_key = config.concurrency_by, config.per_key
    if config.rate is None and not (by and per_key):
        return None
    from runtime.engines.queue.partitions import Partitions  # few consumers have limits
    from runtime.engines.queue.rate import Rate

    partitions = Partitions(by=by, per_key=per_key) if by and per_key else None
    rate = None if config.rate is None else Rate(limit=config.rate[0], per=config.rate[1])
    return Limits(consumer=id, rate=rate, partitions=partitions)


def revise(
    consumer: Consumer, before: Config, config: Config, context: BuildContext
) -> Callable[[], None] | None:
    """Another version of the function, and another `timeout`, hold from the next message on. Of
    another `concurrency`, workers begin at once, and those beyond end after what they have in hand.
    """
    others = [name for name in Config.__struct_fields__ if name not in REVISED]
    if any(getattr(before, name) != getattr(config, name) for name in others):
        return None
    if config.func.id != before.func.id:
        return None
    return partial(consumer.revise, build(config, context))


def check(entry: Linked) -> Iterable[Arguments | Claim | Problem]:
    queue = entry.follow("queue")
    yield from check_consuming(entry, "a consumer", queue and queue.follow("driver"))
    if queue is not None and entry.fields["concurrency_by"] is not None:
        yield Claim(queue.id, "the place of the only consumer", ("concurrency_by",), key="all")
    elif queue is not None:
        key = str(entry.id)
        yield Claim(queue.id, "a place among others", ("queue",), key, within=("all",))


def check_consuming(
    entry: Linked, caller: str, driver: Linked | None
) -> Iterable[Arguments | Problem]:
    """Check the fields of what consumes, which findings name `caller`, and its function."""
    batch = entry.fields["batch"]
    if batch is None:
        yield called_by(caller)
    else:
        yield called_by(f"{caller} with 'batch'", has_message=False)
        yield from _check_prefetch(entry, batch["size"])
    yield from _check_limits(entry, driver)
    yield from _check_driver(entry, driver)


def _check_limits(entry: Linked, driver: Linked | None) -> Iterable[Problem]:
    by, per_key = entry.fields["concurrency_by"], entry.fields["per_key"]
    if by is not None and per_key is None:
        hint = "write 'per_key: 1' beside it, to have one after the other of each key"
        yield Problem(("concurrency_by",), "'concurrency_by' has no 'per_key'", hint)
    if by is None and per_key is not None:
        hint = "write 'concurrency_by: body.tenant' beside it, or another place in the message"
        yield Problem(("per_key",), "'per_key' has no 'concurrency_by', which has the key", hint)
    for name in ("rate", "concurrency_by"):
        if entry.fields[name] is None or driver is None:
            continue
        if why := driver.kind.unsupported.get(name):
            message = f"'{driver.id}' cannot keep a '{name}': {why}"
            yield Problem((name,), message, f"make '{driver.id}' a queue.driver.sql")


def _check_driver(entry: Linked, driver: Linked | None) -> Iterable[Problem]:
    """Compare the times and the transaction of what consumes with the driver of its queue."""
    yield from _check_processes(entry)
    database = entry.follow("transaction")
    if driver is not None and (limit := driver.fields.get("consumer_timeout")):
        yield from _check_time(entry, driver, limit)
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
    yield from _check_pool(entry, database)


def _check_prefetch(entry: Linked, size: int) -> Iterable[Problem]:
    """Compare what the batches hold with what is claimed: else they are never full."""
    prefetch, concurrency = entry.fields["prefetch"], entry.fields["concurrency"]
    if prefetch < size * concurrency:
        batches = f"a batch of {size}" if concurrency == 1 else f"{concurrency} batches of {size}"
        message = f"{batches} can never be full with at most {prefetch} messages claimed"
        yield Problem(("prefetch",), message, f"write 'prefetch: {size * concurrency}' or more")


def _check_processes(entry: Linked) -> Iterable[Problem]:
    function, concurrency = entry.follow("func"), entry.fields["concurrency"]
    processes = function.fields.get("processes") if function else None
    if function and processes and concurrency > processes:
        message = (
            f"of {concurrency} messages at once, those beyond the {processes} processes of "
            f"'{function.id}' wait for one, and their 'timeout' runs"
        )
        yield Note(("concurrency",), message, f"write {processes}, or give it more processes")


def _check_pool(entry: Linked, database: Linked) -> Iterable[Problem]:
    """Compare the transactions that are open at once with the connections that there are."""
    size = (database.fields.get("pool") or {}).get("size")
    if database.kind.name != "db.sql.postgres" or size is None:
        return
    concurrency = entry.fields["concurrency"]
    if concurrency > size - SPARE:
        message = (
            f"{concurrency} transactions at once leave less than {SPARE} of the {size} connections "
            f"of '{database.id}' to everybody else"
        )
        hint = f"write 'pool.size: {concurrency + SPARE}' there"
        if size > SPARE:
            hint = f"write {size - SPARE} at most, or {hint[6:]}"
        yield Problem(("concurrency",), message, hint)


def _check_time(entry: Linked, driver: Linked, limit: float) -> Iterable[Problem]:
    """Compare the time of a call with that after which the broker takes its message back."""
    timeout, longest = entry.fields["timeout"], format_duration(limit * MARGIN)
    shown = format_duration(limit)
    size = (entry.fields.get("batch") or {"size": 1})["size"]
    rounds = math.ceil(entry.fields["prefetch"] / entry.fields["concurrency"] / size)
    if timeout is None:
        message = f"'{driver.id}' delivers a message again that is not done after {shown}"
        yield Note((), message, f"write a 'timeout' of {longest} at most")
    elif timeout > limit * MARGIN:
        message = f"'{driver.id}' delivers a message again that is not done after {shown}"
        hint = (
            f"write {longest} at most, or raise 'consumer_timeout' of the broker and of the driver"
        )
        yield Problem(("timeout",), message, hint)
    elif timeout * rounds > limit:
        message = (
            f"the last of {entry.fields['prefetch']} messages claimed ahead may wait for "
            f"{format_duration(timeout * rounds)}, and "
            f"'{driver.id}' delivers it again after {shown}"
        )
        yield Note(("prefetch",), message, "write a smaller 'prefetch'")


kind = Kind("queue.consumer", Config, build, stage=Stage.CONSUMER, check=check, revise=revise)
