"""Unawaited: calls of `runtime.modules` that a handler left without `await`.

Nothing is paid for it while all is well: Python itself finds coroutines that were never started,
when it frees them, and asks `warnings` to say so.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import warnings
from collections.abc import Callable, Coroutine
from dis import opmap
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from msgspec.structs import force_setattr

from runtime.findings.display import display_path
from runtime.handlers.context import NotAwaited, current
from runtime.loggers import logger

_OURS = f"{Path(__file__).parents[1]}/"

_log = logger("runtime.handlers")
_collecting = False


def watch() -> None:
    """From now on, find them. May be called more than once."""
    report = getattr(warnings, "_warn_unawaited_coroutine", None)
    if report is None or report is _report:
        return
    global _report_otherwise
    _report_otherwise = report
    warnings._warn_unawaited_coroutine = _report  # type: ignore[attr-defined]
    gc.callbacks.append(_note_collection)


_report_otherwise: Callable[[Any], None]


def _report(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Called by Python in the place where the coroutine is freed: usually where it was made."""
    call = current.get(None)
    code = getattr(coroutine, "cr_code", None)
    # What the collector frees may be of another call than the one that it happens to interrupt.
    if code is None:
        return _report_otherwise(coroutine)
    if call is None or _collecting or not code.co_filename.startswith(_OURS):
        return _warn(coroutine, code)
    place = _origin(coroutine) or _place(sys._getframe(1))
    # asyncio's own way to ask, without an exception if there is no loop
    in_thread = asyncio._get_running_loop() is None
    mend = "import it from runtime.modules.sync" if in_thread else "write 'await' before it"
    text = f"{place}{code.co_name}() was called without 'await', so it did nothing; {mend}"
    if call.forgotten is None:
        force_setattr(call, "forgotten", NotAwaited(text))
    # Freed elsewhere than it was made, such as at the end of the function that had it in a
    # variable. From the next time on, Python notes where coroutines are made, at some cost.
    if not _is_made_in(sys._getframe(1)) and not sys.get_coroutine_origin_tracking_depth():
        sys.set_coroutine_origin_tracking_depth(3)
    extra = {"entry": str(call.entry), **call.subject.log_ids}
    _log.error("%s", text, extra=extra)


def _warn(coroutine: Coroutine[Any, Any, Any], code: CodeType) -> None:
    """Warn as Python does, and say which function it is: it may be freed far from its call.

    The text differs from function to function, so that `warnings` shows each of them once a place.
    """
    origin = _origin(coroutine)
    called = f", called at {origin[:-2]}" if origin else ""
    text = (
        f"coroutine '{code.co_qualname}' was never awaited; its function is at "
        f"{display_path(code.co_filename)}:{code.co_firstlineno}{called}"
    )
    # the frame above `_report`, which is Python's own level for it
    warnings.warn(text, RuntimeWarning, stacklevel=3, source=coroutine)


def _origin(coroutine: Coroutine[Any, Any, Any]) -> str:
    """The line that made it, if Python keeps that; the nearest one outside of this package."""
    for file, line, _ in getattr(coroutine, "cr_origin", None) or ():
        if not file.startswith(_OURS):
            return f"{display_path(file)}:{line}: "
    return ""


def _is_made_in(frame: FrameType) -> bool:
    """True if the frame is at the end of an expression whose value is dropped."""
    return frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti] == opmap["POP_TOP"]


def _place(frame: FrameType | None) -> str:
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        if frame.f_code.co_filename == _CALLER:
            return ""  # the handler's function has returned
        frame = frame.f_back
    return "" if frame is None else f"{display_path(frame.f_code.co_filename)}:{frame.f_lineno}: "


_CALLER = str(Path(__file__).with_name("invocation.py"))


def _note_collection(phase: str, info: object) -> None:
    global _collecting
    _collecting = phase == "start"
