"""Limits: what a consumer begins at most, over all programs that share its queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import msgspec

from runtime.engines.queue.driver_queue import Subscription

if TYPE_CHECKING:
    from runtime.engines.queue.partitions import Partitions
    from runtime.engines.queue.rate import Rate


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """At least one of the two."""

    consumer: str
    """The id of the consumer, whose programs share the rate."""
    rate: Rate | None = None
    partitions: Partitions | None = None


@runtime_checkable
class LimitedQueue(Protocol):
    """A driver's queue that claims within limits. A driver without says so in its kind's
    `unsupported`, under `rate` and `concurrency_by`.
    """

    def subscribe_limited(self, prefetch: int, limits: Limits) -> Subscription:
        """As `subscribe`, with a subscription that keeps the limits together with those of other
        programs. A message that it may not begin yet is not claimed, and open to others.

        The limits hold for deliveries: an attempt counts in the rate when it is claimed, and in its
        partition until it is settled or reassigned. All subscriptions of a queue have the same
        `partitions`; one without ends them.
        """
        ...
