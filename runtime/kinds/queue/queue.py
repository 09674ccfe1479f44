"""queue.queue: a named queue of messages, kept by a driver."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from runtime.backoff import Backoff
from runtime.engines.queue.consumer import Consumer
from runtime.engines.queue.tally import QueueTally
from runtime.engines.queue.tracked_queue import TrackedQueue
from runtime.engines.queue.volatile import Volatile
from runtime.findings.finding import Problem
from runtime.kind import BuildContext, Claim, Expected, Kind, Linked
from runtime.kinds.queue import Queue
from runtime.kinds.queue.driver import Driver, DriverOptions, DriverQueue


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    queue: Queue | None
    max_attempts: int
    max_requeues: int


class Config(msgspec.Struct, frozen=True, kw_only=True):
    driver: Driver
    queue_name: str | None
    driver_options: DriverOptions
    retention: float | None
    retry: Backoff
    dead_letter: DeadLetter


def build(config: Config, context: BuildContext) -> Queue:
    return Queue(
        str(context.id),
        _declared(config, context),
        config.retry,
        max_attempts=config.dead_letter.max_attempts,
        max_requeues=config.dead_letter.max_requeues,
        dead_letter=config.dead_letter.queue,
        clock=context.clock,
        tally=QueueTally() if context.scope.counts else None,
        telemetry=context.telemetry,
    )


def _declared(config: Config, context: BuildContext) -> DriverQueue:
    """The driver's queue, with the new options."""
    name = config.queue_name or context.id.name
    declared = config.driver.declare(name, config.driver_options)
    if config.retention is not None and isinstance(declared, TrackedQueue):
        declared.retention = config.retention
    return declared


def revise(
    queue: Queue, before: Config, config: Config, context: BuildContext
) -> Callable[[], None] | None:
    """All but the place of its messages may change; what waits for a retry keeps its time."""
    if config.driver is not before.driver or config.queue_name != before.queue_name:
        return None

    def go_on() -> None:
        _declared(config, context)
        queue.retry = config.retry
        queue.max_attempts = config.dead_letter.max_attempts
        queue.max_requeues = config.dead_letter.max_requeues
        queue.dead_letter = config.dead_letter.queue

    return go_on


def cost(queue: Queue) -> str | None:
    """The messages that only this program has."""
    kept = queue.driver_queue
    return kept.unsaved if isinstance(kept, Volatile) else None


def compose(queue: Queue, referring: Sequence[Any]) -> None:
    """Have bodies checked that are published, if all consumers are known to ask for a shape."""
    checks = [each.check for each in referring if isinstance(each, Consumer)]
    queue.checks = [] if None in checks else [each for each in checks if each is not None]


def check(entry: Linked) -> Iterable[Claim | Problem]:
    if driver := entry.follow("driver"):
        why = driver.kind.unsupported.get("tasks")
        if why and entry.fields.get("retention") is not None:
            message = f"'{driver.id}' keeps no finished messages: {why}"
            yield Problem(("retention",), message, f"make '{driver.id}' a queue.driver.sql")
        name = entry.fields["queue_name"]
        path = ("queue_name",) if name else ("name",)
        # Two drivers that keep their messages in one database share its queues.
        storage = driver.follow("database") or driver
        yield Claim(storage.id, f"the queue name '{name or entry.id.name}'", path)


kind = Kind(
    "queue.queue",
    Config,
    build,
    check=check,
    compose=compose,
    revise=revise,
    cost=cost,
    expected=Expected(
        ("queue.consumer",),
        "no consumer takes the messages of this queue",
        "declare a queue.consumer, or take its messages away by other means",
    ),
)
