"""Topology: the queues and exchanges on the broker. All are durable, and quorum queues."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from runtime.engines.queue.amqp.channel import Channel, ChannelClosed
from runtime.service import StartError, Unavailable

DEFAULT_EXCHANGE = ""
DELIVERY_LIMIT = 1000
"""Deliveries that the broker counts without a settlement, before it buries a message itself.

A net below `max_attempts`, which the consumer obeys: each retry is a new message to the broker. Not
derived from it, since no argument of a queue can be changed; and never absent, for without a target
4.0 drops messages at 20.
"""
NO_LIMIT = 10**9
"""For dead letters: looking at one counts as a delivery."""

LONGEST_DELAY = 3_600_000_000
"""Milliseconds in one delay queue, six weeks: `x-expires` has 32 bits. Longer ones go round."""
KEPT = 7 * 86_400_000
"""Milliseconds for which a delay queue outlives its last message. It is deleted with what is in it,
and what is due stays in it while its queue is full, or is gone.
"""
RENEWED = 1800.0
"""Seconds after which a delay queue that is used is declared again, and so lives on."""

PRECONDITION_FAILED, NOT_FOUND, ACCESS_REFUSED, LOCKED = 406, 404, 403, 405
LONGEST_NAME = 250
"""Bytes of a queue's name: 255 with that of its dead letters."""

Arguments = Mapping[str, Any]


def dead_letters_of(name: str) -> str:
    """The queue of those that died in the queue of that name."""
    return f"{name}.dead"


class Topology:
    """Declares what is missing, one thing after the other, on a channel of its own."""

    def __init__(
        self, open_channel: Callable[[], Awaitable[Channel]], monotonic: Callable[[], float]
    ) -> None:
        self.delays: dict[int, float] = {}
        """The delay queues that this program used, in milliseconds, each with its last declare."""
        self._open_channel = open_channel
        self._monotonic = monotonic
        self._channel: Channel | None = None
        self._lock = asyncio.Lock()

    async def declare(self, name: str, max_length: int) -> None:
        """Make a queue and that of its dead letters. Raises StartError and Unavailable."""
        check_name(name)
        dead = dead_letters_of(name)
        arguments = {
            "x-queue-type": "quorum",
            "x-max-length": max_length,
            "x-overflow": "reject-publish",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": DEFAULT_EXCHANGE,
            "x-dead-letter-routing-key": dead,
            "x-dead-letter-strategy": "at-least-once",
        }
        await self._declare(dead, {"x-queue-type": "quorum", "x-delivery-limit": NO_LIMIT})
        await self._declare(name, arguments)

    async def delay(self, milliseconds: int) -> str:
        """The exchange that delays what is published to it. Raises StartError and Unavailable."""
        name = f"runtime.delay.{milliseconds}"
        declared = self.delays.get(milliseconds)
        if declared is None or self._monotonic() - declared > RENEWED:
            arguments = {
                "x-queue-type": "quorum",
                "x-message-ttl": milliseconds,
                "x-expires": milliseconds + KEPT,
                "x-overflow": "reject-publish",
                # The routing key, the name of the queue that it is for, stays what it is.
                "x-dead-letter-exchange": DEFAULT_EXCHANGE,
                "x-dead-letter-strategy": "at-least-once",
            }
            began = self._monotonic()
            await self._call(
                name, "exchange_declare", exchange=name, exchange_type="fanout", durable=True
            )
            await self._declare(name, arguments)
            await self._call(name, "queue_bind", queue=name, exchange=name)
            self.delays[milliseconds] = began
        return name

    async def count(self, name: str) -> int:
        """The number of messages that are ready. Raises Unavailable."""
        answer = await self._call(name, "queue_declare", queue=name, passive=True)
        return int(answer.method.message_count)

    async def _declare(self, name: str, arguments: Arguments) -> None:
        await self._call(name, "queue_declare", queue=name, durable=True, arguments=dict(arguments))

    async def _call(self, name: str, method: str, **arguments: Any) -> Any:
        async with self._lock:
            if self._channel is None or self._channel.closed.done():
                self._channel = await self._open_channel()
            try:
                return await self._channel.call(method, **arguments)
            except ChannelClosed as closed:
                raise refusal(name, closed) from None


def check_name(name: str) -> None:
    """Raises StartError for a queue's name that the broker would refuse."""
    if len(name.encode()) > LONGEST_NAME:
        raise StartError(
            f"the queue name '{name[:40]}…' is too long for RabbitMQ, which takes "
            f"{LONGEST_NAME} bytes; give the queue a shorter 'queue_name'"
        )
    if name.startswith("amq."):
        raise StartError(
            f"the queue name '{name}' begins with 'amq.', which RabbitMQ keeps for itself; "
            "give the queue another 'queue_name'"
        )


def refusal(name: str, closed: ChannelClosed) -> StartError | Unavailable:
    """The error for a queue that the broker refused to declare or to look up."""
    if closed.code in (PRECONDITION_FAILED, LOCKED):
        return StartError(
            f"the queue '{name}' is on the broker with other arguments ({closed}), which cannot be "
            f"changed; write back what they were, name another in 'queue_name', or empty it and "
            f"delete it with: rabbitmqctl delete_queue {name}"
        )
    if closed.code == ACCESS_REFUSED:
        return StartError(
            f"the broker refuses to declare '{name}' ({closed}); grant the user of 'url' the right "
            "to configure, write and read it"
        )
    if closed.code == NOT_FOUND:
        return Unavailable(f"the queue '{name}' is gone from the broker")
    return Unavailable(f"the broker did not declare '{name}': {closed}")


def rounded(seconds: float) -> int:
    """A delay in milliseconds, rounded up to two digits, so that there are few delay queues."""
    if seconds * 1000 >= LONGEST_DELAY:
        return LONGEST_DELAY
    milliseconds = max(1, math.ceil(seconds * 1000))
    step = int("1" + "0" * (len(str(milliseconds)) - 2))
    return -(-milliseconds // step) * step
