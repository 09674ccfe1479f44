"""event.subscriber: calls a function with the events of some topics, kept in a queue of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from runtime.backoff import Backoff
from runtime.engines.event.pattern import InvalidTopic, Pattern
from runtime.engines.event.subscriber import Subscriber
from runtime.engines.queue.batch import Batching
from runtime.findings.finding import Problem
from runtime.kind import Arguments, BuildContext, Claim, Kind, Linked, Stage
from runtime.kinds.db.sql import Database
from runtime.kinds.function import Function
from runtime.kinds.queue import Queue
from runtime.kinds.queue.consuming import (
    ConsumerConfig,
    DeadLetter,
    QueueConfig,
    build_consumer,
    build_queue,
    check_consuming,
    check_name,
    cost_of_queue,
    revise_consumer,
    revise_queue,
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
    queue = build_queue(_queue_config(config), context)
    patterns = [Pattern(text) for text in config.topics]
    return Subscriber(build_consumer(_consumer_config(config, queue), context), patterns)


def _queue_config(config: Config) -> QueueConfig:
    return QueueConfig(
        driver=config.driver,
        queue_name=config.queue_name,
        driver_options=config.driver_options,
        retention=config.retention,
        retry=config.retry,
        dead_letter=config.dead_letter,
    )


def _consumer_config(config: Config, queue: Queue) -> ConsumerConfig:
    return ConsumerConfig(
        queue=queue,
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


def revise(
    subscriber: Subscriber, before: Config, config: Config, context: BuildContext
) -> Callable[[], None] | None:
    """As for a queue and its consumer; the topics may change, too."""
    revise_own = revise_queue(
        subscriber.queue, _queue_config(before), _queue_config(config), context
    )
    if revise_own is None:
        return None
    queue, consumer = subscriber.queue, subscriber.consumer
    revise_consuming = revise_consumer(
        consumer, _consumer_config(before, queue), _consumer_config(config, queue), context
    )
    if revise_consuming is None:
        return None
    patterns = [Pattern(text) for text in config.topics]

    def go_on() -> None:
        revise_own()
        revise_consuming()
        subscriber.revise(patterns)

    return go_on


def cost(subscriber: Subscriber) -> str | None:
    return cost_of_queue(subscriber.queue)


def check(entry: Linked) -> Iterable[Arguments | Claim | Problem]:
    for index, text in enumerate(entry.fields["topics"]):
        try:
            Pattern(text)
        except InvalidTopic as error:
            hint = "such as 'order.paid', 'order.*' for each word there, 'order.#' for all below"
            yield Problem(("topics", index), str(error), hint)
    yield from check_name(entry)
    yield from check_consuming(entry, "a subscriber", entry.follow("driver"))


kind = Kind(
    "event.subscriber",
    Config,
    build,
    stage=Stage.CONSUMER,
    check=check,
    revise=revise,
    cost=cost,
)
