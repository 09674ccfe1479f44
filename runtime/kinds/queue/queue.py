"""queue.queue: a named line of messages, kept by a driver."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from runtime.backoff import Backoff
from runtime.kind import BuildContext, Claim, Kind, Linked
from runtime.kinds.queue import Queue
from runtime.kinds.queue.driver import Driver, DriverOptions


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    queue: Queue | None
    max_attempts: int


class Config(msgspec.Struct, frozen=True, kw_only=True):
    driver: Driver
    queue_name: str | None
    driver_options: DriverOptions
    retry: Backoff
    dead_letter: DeadLetter


def build(config: Config, context: BuildContext) -> Queue:
    name = config.queue_name or context.id.name
    return Queue(
        str(context.id),
        config.driver.declare(name, config.driver_options),
        config.retry,
        max_attempts=config.dead_letter.max_attempts,
        dead_letter=config.dead_letter.queue,
    )


def check(entry: Linked) -> Iterable[Claim]:
    if driver := entry.follow("driver"):
        name = entry.fields["queue_name"]
        path = ("queue_name",) if name else ("name",)
        # Where two drivers keep their messages in one database, they have its queues in common.
        keeper = driver.follow("database") or driver
        yield Claim(keeper.id, f"the queue name '{name or entry.id.name}'", path)


kind = Kind("queue.queue", Config, build, check=check)
