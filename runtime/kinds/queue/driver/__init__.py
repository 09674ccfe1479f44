"""Drivers: services that keep the messages of queues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from runtime.engines.queue.driver_queue import DriverQueue, Subscription

__all__ = ["Driver", "DriverOptions", "DriverQueue", "Subscription"]

DriverOptions = Mapping[str, Mapping[str, Any]]
"""The `driver_options` of a queue, with defaults: the options for each driver, by its name.

The name is the last word of the driver's kind. A driver reads its own options only, so that another
driver can take its place. They are checked by `x-queue-options` of the driver's schema.
"""


class Driver(Protocol):
    """A service that keeps messages: the component that `driver` of a `queue.queue` names.

    The messages belong to the application: they outlive a crash and a restart of the service.
    See `DriverQueue` and `Subscription` for the promises about them.
    """

    def declare(self, name: str, options: DriverOptions) -> DriverQueue:
        """The queue of that name. Called while the application is built, before `run`.

        Has no side effects beyond memory: external resources are created by `run`, before it is
        ready. Declared again, the same queue takes the new options and keeps its messages.
        """
        ...
