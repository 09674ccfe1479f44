"""Consuming: a queue and its consumer, for kinds of other families that are made of both."""

from __future__ import annotations

from runtime.kinds.queue.consumer import Config as ConsumerConfig
from runtime.kinds.queue.consumer import build as build_consumer
from runtime.kinds.queue.consumer import check_consuming
from runtime.kinds.queue.consumer import revise as revise_consumer
from runtime.kinds.queue.queue import Config as QueueConfig
from runtime.kinds.queue.queue import DeadLetter
from runtime.kinds.queue.queue import build as build_queue
from runtime.kinds.queue.queue import check as check_name
from runtime.kinds.queue.queue import cost as cost_of_queue
from runtime.kinds.queue.queue import revise as revise_queue

__all__ = [
    "ConsumerConfig",
    "DeadLetter",
    "QueueConfig",
    "build_consumer",
    "build_queue",
    "check_consuming",
    "check_name",
    "cost_of_queue",
    "revise_consumer",
    "revise_queue",
]
