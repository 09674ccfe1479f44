"""event.subscriber: calls a function with the events of some topics, kept in a queue of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from runtime.backoff import Backoff
from runtime.engines.event.pattern import InvalidTopic, Pattern
from runtime.engines.event.subscriber import Subscriber
from runtime.engines.queue.batch import Batching
from runtime.findings.finding import Problem
from runtime.kind import Arguments, BuildContext, Claim, Kind, Linked, Stage
from runtime.kinds.db.sql import Database
from runtime.kinds.function import Function
from runtime.kinds.queue.consuming import (
    ConsumerConfig,
    DeadLetter,
    QueueConfig,
    build_consumer,
    build_queue,
    check_consuming,
    check_name,
)
from runtime.kinds.queue.driver import Driver, DriverOptions


class Config(msgspec.Struct, frozen=True, kw_only=True):
    topics: Sequence[str]
    driver: Driver
    func: Function
    queue_name: str | None
    driver_options: DriverOptions
    retention: float | None
    retry: Backoff
    dead_letter: DeadLetter
    concurrency: int
    prefetch: int
    timeout: float | None
    transaction: Database | None
    batch: Batching | None
    rate: tuple[int, float] | None
    concurrency_by: str | None
    per_key: int | None


def build(config: Config, context: BuildContext) -> Subscriber:
    own = QueueConfig(
        driver=config.driver,
        queue_name=config.queue_name,
        driver_options=config.driver_options,
        retention=config.retention,
        retry=config.retry,
        dead_letter=config.dead_letter,
    )
    consuming = ConsumerConfig(
        queue=build_queue(own, context),
        func=config.func,
        concurrency=config.concurrency,
        prefetch=config.prefetch,
        timeout=config.timeout,
        transaction=config.transaction,
        batch=config.batch,
        rate=config.rate,
        concurrency_by=config.concurrency_by,
        per_key=config.per_key,
    )
    patterns = [Pattern(text) for text in config.topics]
    return Subscriber(build_consumer(consuming, context), patterns)


def check(entry: Linked) -> Iterable[Arguments | Claim | Problem]:
    for index, text in enumerate(entry.fields["topics"]):
        try:
            Pattern(text)
        except InvalidTopic as error:
            hint = "such as 'order.paid', 'order.*' for each word there, 'order.#' for all below"
            yield Problem(("topics", index), str(error), hint)
    yield from check_name(entry)
    yield from check_consuming(entry, "a subscriber", entry.follow("driver"))


kind = Kind("event.subscriber", Config, build, stage=Stage.CONSUMER, check=check)
