"""queue.consumer: hands the messages of a queue to a function."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runtime.kind import Arguments, BuildContext, Kind, Linked, Stage
from runtime.kinds.function import Function
from runtime.kinds.queue import Queue
from runtime.messaging.consumer import Consumer


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    queue: Queue
    func: Function
    concurrency: int
    prefetch: int
    timeout: float | None


def build(config: Config, context: BuildContext) -> Consumer:
    return Consumer(
        config.queue,
        config.func,
        concurrency=config.concurrency,
        prefetch=config.prefetch,
        timeout=config.timeout,
    )


def check(entry: Linked) -> Iterable[Arguments]:
    yield Arguments(("func",), 1, 1, "a consumer")


kind = Kind("queue.consumer", Config, build, stage=Stage.CONSUMER, check=check)
