"""Result: what a handler returned, to be kept with its message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime.codec import NotJSON, encode
from runtime.engines.queue.body import encode_records
from runtime.engines.queue.outcome import ACK, Ack, Outcome
from runtime.engines.queue.settlement import log, outcome_of_result
from runtime.engines.queue.tracked_queue import LONGEST_RESULT

if TYPE_CHECKING:
    from runtime.engines.queue.delivery import Delivery


def outcome_to_keep(result: Any, delivery: Delivery) -> Outcome:
    """`outcome_of_result`, with the result if the queue of the message keeps it."""
    end = outcome_of_result(result)
    return ack_with(result, delivery) if end is ACK else end


def ack_with(result: Any, delivery: Delivery) -> Ack:
    """An ack with a result, if its queue has a `retention` at that moment."""
    tracked = delivery.settlement.tracked
    if result is None or tracked is None or tracked.retention is None:
        return ACK
    try:
        data = encode(result, "the result")
    except NotJSON:
        try:
            data = encode_records(result, "the result")
        except NotJSON as error:
            return _left_out(delivery, str(error))
    if len(data) > LONGEST_RESULT:
        return _left_out(delivery, f"it has {len(data):,} bytes, and {LONGEST_RESULT:,} are kept")
    return Ack(data)


def _left_out(delivery: Delivery, why: str) -> Ack:
    function = delivery.settlement.function
    log.warning(
        "%s: its result is not kept: %s",
        function,
        why,
        extra={
            "entry": function,
            "message_id": delivery.id,
            "fields": {"attempt": delivery.attempt},
        },
    )
    return ACK
