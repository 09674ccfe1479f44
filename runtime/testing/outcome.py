"""Outcome: the end of one message that a test hands to a consumer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from runtime.codec import NotJSON, encode
from runtime.engines.queue import dead_letter as names
from runtime.engines.queue.body import encode_records
from runtime.engines.queue.consumer import Consumer
from runtime.engines.queue.driver_queue import Closed, DriverQueue
from runtime.engines.queue.message import NO_HEADERS, Message, copy_headers, next_id
from runtime.engines.sql.contract import JoinableTransaction


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The settlement that a worker would carry out."""

    status: str
    """`ack`, `retry`, `dead` or `requeue`."""
    delay: float = 0.0
    """Of a retry: the seconds until the next attempt."""
    reason: str = ""
    """Of a dead letter: `attempts`, `rejected` or `invalid`."""
    error: str = ""
    """Of a dead letter: the type and the text of the error."""


class Ledger:
    """A subscription that only notes how its message is settled."""

    settles_in_background = False
    asking_since: float | None = None

    def __init__(self) -> None:
        self.outcome: Outcome | None = None

    def take(self) -> Message | None:
        return None

    async def receive(self) -> Message:
        raise Closed

    async def ack(self, message: Message, transaction: JoinableTransaction | None = None) -> None:
        self.outcome = Outcome(status="ack")

    def ack_nowait(self, message: Message) -> None:
        self.outcome = Outcome(status="ack")

    async def retry(self, message: Message, delay: float, error: str | None = None) -> None:
        self.outcome = Outcome(status="retry", delay=delay)

    async def release(self, messages: Sequence[Message]) -> None:
        """Nothing to give back."""

    async def bury(self, message: Message, dead_letter: Message, to: DriverQueue | None) -> None:
        reason, error = (dead_letter.headers[name] for name in (names.REASON, names.ERROR))
        self.outcome = Outcome(status="dead", reason=reason, error=error)

    async def requeue(
        self,
        message: Message,
        again: Message,
        to: DriverQueue,
        transaction: JoinableTransaction | None = None,
    ) -> None:
        self.outcome = Outcome(status="requeue")

    async def close(self) -> None:
        """Nothing to close."""


async def outcome_of(
    consumer: Consumer,
    body: Any,
    headers: Mapping[str, str] | None,
    attempt: int,
    published: float,
) -> Outcome:
    """Encode a body as `publish` does, and have the consumer handle it. Raises NotJSON."""
    try:
        data = encode(body)
    except NotJSON:
        data = encode_records(body)
    carried = NO_HEADERS if headers is None else copy_headers(headers)
    ledger = Ledger()
    message = Message(next_id(), data, carried, attempt, published)
    await consumer.handle(message, ledger)
    assert ledger.outcome is not None, "a message that is handled is settled"
    return ledger.outcome
