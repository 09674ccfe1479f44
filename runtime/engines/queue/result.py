"""Result: what a handler returned, to be kept with its message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runtime.codec import NotJSON, encode
from runtime.engines.queue.body import encode_records
from runtime.engines.queue.driver_queue import DriverQueue
from runtime.engines.queue.outcome import ACK, Ack, Outcome
from runtime.engines.queue.settlement import log, outcome_of_result
from runtime.engines.queue.tracked_queue import LONGEST_RESULT, TrackedQueue


def keeping(queue: DriverQueue, function: str) -> Callable[[Any], Outcome]:
    """`outcome_of_result` that keeps results for as long as the queue has a `retention`, which may
    change meanwhile; `function` is for the log.
    """
    if not isinstance(queue, TrackedQueue):
        return outcome_of_result

    def outcome(result: Any) -> Outcome:
        end = outcome_of_result(result)
        return end if end is not ACK or queue.retention is None else _kept(result, function)

    return outcome


def _kept(result: Any, function: str) -> Ack:
    if result is None:
        return ACK
    try:
        data = encode(result, "the result")
    except NotJSON:
        try:
            data = encode_records(result, "the result")
        except NotJSON as error:
            return _left_out(function, str(error))
    if len(data) > LONGEST_RESULT:
        return _left_out(function, f"it has {len(data):,} bytes, and {LONGEST_RESULT:,} are kept")
    return Ack(data)


def _left_out(function: str, why: str) -> Ack:
    text = "%s: its result is not kept: %s"
    log.warning(text, function, why, extra={"entry": function})
    return ACK
