"""Holder: the line at which the handler of a message or of a request is."""

from __future__ import annotations

import asyncio
import sys
import threading
from types import FrameType
from typing import Any

from runtime.handlers.context import Call, current
from runtime.handlers.invocation import driven_by
from runtime.handlers.place import is_foreign, line_of
from runtime.handlers.threads import ThreadPool
from runtime.testing.activity import Activity, Work


def place_of(work: Work, pool: ThreadPool, activity: Activity) -> str:
    """`file:line (function)`; empty if the handler is nowhere in the application's own code."""
    if activity.loop is not None and asyncio.current_task(activity.loop) is work.task:
        running = sys._current_frames().get(activity.thread)  # it keeps the loop at this moment
        if running is not None and threading.get_ident() != activity.thread:
            return line_of(running)
    for occupant in pool.busy():
        call = occupant.context.get(current)
        if call is not None and _is_of(call, work):
            return line_of(sys._current_frames().get(occupant.thread))
    frames = _frames(work.task.get_coro()) if work.task is not None else []
    own = [frame for frame in frames if not is_foreign(frame.f_code.co_filename)]
    return line_of(own[-1]) if own else ""


def _is_of(call: Call, work: Work) -> bool:
    return str(call.entry) == work.entry and getattr(call.subject, "id", "") == work.id


def _frames(awaited: Any) -> list[FrameType]:
    """The frames of a suspended coroutine, from the outermost to the innermost."""
    frames: list[FrameType] = []
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is None:
            break
        frames.append(frame)
        inner = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
        awaited = driven_by(frame) or inner
    return frames
