"""NightQueue: the messages that the queue of the made-up night holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from runtime.engines.management.messages import MessagePage, MessageRow
from runtime.engines.queue.status import Status, TaskError
from tests.support.night import NOW, iso


def message(number: str, state: str, ago: float, attempt: int = 0, **more: Any) -> MessageRow:
    id = f"b81f6c2e-77d1-4f0a-9c1b-000000000{number}"
    return MessageRow(id, state, attempt, more.pop("priority", 0), iso(NOW - ago), size=148, **more)


MESSAGES = {
    "running": MessagePage(
        (message("c41", "running", 6.2, 1), message("c42", "running", 6.1, 2)), None
    ),
    "delayed": MessagePage(
        (
            message("c3a", "delayed", 31.0, 3, due=iso(NOW + 0.8), headers=("traceparent",)),
            message("c31", "delayed", 88.0, 6, due=iso(NOW + 21.0), headers=("traceparent",)),
        ),
        None,
    ),
    "ready": MessagePage(
        (
            message("c43", "ready", 6.1, headers=("tenant", "traceparent")),
            message("c44", "ready", 6.0, priority=5, headers=("tenant",)),
            message("c45", "ready", 5.9, headers=("tenant",)),
        ),
        "b81f6c2e-77d1-4f0a-9c1b-000000000c45",
    ),
}
READY = MESSAGES["ready"]
TOLD = Status(
    id=READY.messages[0].id,
    status="retrying",
    attempt=3,
    max_attempts=10,
    published=datetime.fromtimestamp(NOW - 31, UTC),
    started=datetime.fromtimestamp(NOW - 4, UTC),
    next=datetime.fromtimestamp(NOW + 0.8, UTC),
    error=TaskError("TypeError", "unsupported operand type(s) for +: 'int' and 'str'"),
)
