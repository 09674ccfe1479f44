"""Publication: many bodies on their way into a queue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

from runtime.codec import NotJSON, encode
from runtime.engines.queue.body import encode_records
from runtime.engines.queue.bulk_queue import BulkQueue
from runtime.engines.queue.driver_queue import DriverQueue, Full
from runtime.engines.queue.message import Message
from runtime.engines.sql.contract import JoinableTransaction

SLICE, MOST_BYTES = 100, 65_536
"""Bodies, and bytes of them, that are encoded before others have their turn on the loop."""
WINDOW = 256
"""Messages that a broker has to confirm before it is sent more."""


async def encoded(
    bodies: Iterable[Any], check: Callable[[bytes, str], object]
) -> AsyncIterator[bytes]:
    """Each body as JSON, after `check(data, place)`. The loop has its turns in between.

    Raises TypeError, NotJSON with the place, and what `check` does.
    """
    if isinstance(bodies, str | bytes | Mapping) or not isinstance(bodies, Iterable):
        raise TypeError(
            f"'bodies' is of type {type(bodies).__name__}; give a list of them, "
            "or one body to 'publish'"
        )
    count = size = 0
    for number, body in enumerate([*bodies]):
        place = f"bodies[{number}]"
        try:
            data = encode(body, place)
        except NotJSON:
            data = encode_records(body, place)
        check(data, place)
        count, size = count + 1, size + len(data)
        if count == SLICE or size > MOST_BYTES:
            await asyncio.sleep(0)
            count = size = 0
        yield data


async def publish_all(
    queue: DriverQueue,
    messages: Sequence[Message],
    delay: float,
    transaction: JoinableTransaction | None,
) -> None:
    """Publish messages in their order, in one step if the driver can do so. Raises Full."""
    if not messages:
        return
    if isinstance(queue, BulkQueue):
        return await queue.publish_many(messages, delay, transaction)
    accepted = 0
    for start in range(0, len(messages), WINDOW):
        window = messages[start : start + WINDOW]
        publishes = [queue.publish(message, delay, transaction) for message in window]
        ends = await asyncio.gather(*publishes, return_exceptions=True)
        errors = [end for end in ends if isinstance(end, BaseException)]
        accepted += len(ends) - len(errors)
        for error in errors:
            if not isinstance(error, Full):
                raise error
        if errors:
            raise Full(accepted=accepted)
