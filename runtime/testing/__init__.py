"""Testing: run an application inside a test, with its servers, queues and databases.

    from runtime.testing import running

    def test_a_task_becomes_a_row():
        with running("examples/task-queue") as app:
            assert app.post("/tasks", json={"action": "noop"}).status == 202
            app.drain()
            assert len(app.sql("app:db").query("SELECT * FROM tasks")) == 1

Nothing is imported before it is used: the plug-in for pytest is a part of this package, and is
loaded in test runs that have nothing to do with the runtime.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.testing.answer import Answer
    from runtime.testing.app import App
    from runtime.testing.background_loop import LoopBlocked
    from runtime.testing.event_stream import EventStream
    from runtime.testing.letter import Letter
    from runtime.testing.logbook import LogLine
    from runtime.testing.outcome import Outcome
    from runtime.testing.program import Survived
    from runtime.testing.quiet import NotQuiet
    from runtime.testing.refused import Refused
    from runtime.testing.reloaded import Reloaded
    from runtime.testing.run import running
    from runtime.testing.session import Session
    from runtime.testing.spans import TracedSpan
    from runtime.testing.websocket import Closed, WebSocket

__all__ = [
    "Answer",
    "App",
    "Closed",
    "EventStream",
    "Letter",
    "LogLine",
    "LoopBlocked",
    "NotQuiet",
    "Outcome",
    "Refused",
    "Reloaded",
    "Session",
    "Survived",
    "TracedSpan",
    "WebSocket",
    "running",
]

_MODULES = {
    "Answer": "answer",
    "App": "app",
    "Closed": "websocket",
    "EventStream": "event_stream",
    "Letter": "letter",
    "LogLine": "logbook",
    "LoopBlocked": "background_loop",
    "NotQuiet": "quiet",
    "Outcome": "outcome",
    "Refused": "refused",
    "Reloaded": "reloaded",
    "Session": "session",
    "Survived": "program",
    "TracedSpan": "spans",
    "WebSocket": "websocket",
    "running": "run",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
