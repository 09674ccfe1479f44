"""Drivers: what keeps the messages of queues."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from runtime.engines.queue.driver_queue import DriverQueue, Subscription

__all__ = ["Driver", "DriverOptions", "Line", "MemoryOptions", "SqlOptions", "Subscription"]


class MemoryOptions(msgspec.Struct, frozen=True, kw_only=True):
    max_length: int


class SqlOptions(msgspec.Struct, frozen=True, kw_only=True):
    max_length: int


class DriverOptions(msgspec.Struct, frozen=True, kw_only=True):
    """A queue's `driver_options`: a bag for each driver, so that its driver can be changed.

    A driver reads the bag of its own name and no other.
    """

    memory: MemoryOptions
    sql: SqlOptions
    amqp: dict[str, Any]
    sqs: dict[str, Any]


class Driver(Protocol):
    """A service that keeps messages. Its component is what `queue.queue` names in `driver`.

    The messages belong to the application: they outlive a crash and a restart of the service.
    What a `DriverQueue` and its `Subscription` promise stands with them, in `runtime.engines.queue.driver_queue`.
    """

    def declare(self, name: str, options: DriverOptions) -> DriverQueue:
        """The line called `name`. Called while the application is built, before `run`.

        Has no side effects beyond memory: what must exist outside is made by `run`, before it is
        ready. Declared again, the same line takes the new options and keeps its messages.
        """
        ...
