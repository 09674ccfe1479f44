"""NightLog: the last lines of the log of the made-up night."""

from __future__ import annotations

from runtime.engines.management.log_lines import LogLine
from tests.support.night import NOW, iso

FAILED = (
    "failed on attempt 3 of 10, next in 4.2 s: TypeError: unsupported operand type(s) for +: "
    "'int' and 'str'"
)
STACK = """Traceback (most recent call last):
  File "process_task.py", line 22, in main
    result = {"output": sum(data.get("numbers", []))}
TypeError: unsupported operand type(s) for +: 'int' and 'str'
"""


def line(number: int, ago: float, level: str, message: str, id: str, stack: str = "") -> LogLine:
    entry = "app:task_consumer" if stack else "app:process_task"
    details = f"action={'sum' if stack else 'uppercase'} message_id={id}"
    at = iso(NOW - ago).replace("+00:00", "Z")
    return LogLine(number, at, level, "tasks", entry, message, details, stack)


LINES = [
    line(4, 0.102, "info", "task completed", "b81f6c2e…0c42"),
    line(3, 0.204, "warning", FAILED, "b81f6c2e…0c3a", STACK),
    line(2, 0.332, "info", "task completed", "b81f6c2e…0c41"),
    line(1, 0.435, "info", "processing task", "b81f6c2e…0c41"),
]
"""The newest first."""
