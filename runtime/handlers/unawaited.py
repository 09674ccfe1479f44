"""Unawaited: calls of `runtime.modules` that a handler left without `await`.

Nothing is paid for it while all is well: Python itself finds coroutines that were never started,
when it frees them, and asks `warnings` to say so.
"""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import FrameType
from typing import Any

from runtime.findings.display import display_path
from runtime.handlers.context import Call, current
from runtime.loggers import logger

_OURS = f"{Path(__file__).parents[1]}/"

_log = logger("runtime.handlers")
_found: dict[int, NotAwaited] = {}
"""The first error of each call that has one, by the call's `id`."""
_collecting = False


class NotAwaited(RuntimeError):
    """A handler made a coroutine of the runtime's and did not await it, so that it did not run."""


def found_any() -> bool:
    """True if there are calls that `take` has an error for. The usual answer is False."""
    return bool(_found)


def take(call: Call) -> NotAwaited | None:
    """The error of a call that ends now, if it left something unawaited."""
    return _found.pop(id(call), None)


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
    if call is None or _collecting or code is None or not code.co_filename.startswith(_OURS):
        return _report_otherwise(coroutine)
    place = _origin(coroutine) or _place(sys._getframe(1))
    error = NotAwaited(
        f"{place}{code.co_name}() was called without 'await', so it did nothing; write 'await' "
        "before it, or in a plain 'def' import from runtime.modules.sync"
    )
    _found.setdefault(id(call), error)
    # From the next time on, Python notes where coroutines are made: this one may have been freed
    # elsewhere, such as at the end of the function that had it in a variable.
    if not sys.get_coroutine_origin_tracking_depth():
        sys.set_coroutine_origin_tracking_depth(3)
    extra = {"entry": str(call.entry), **call.subject.log_ids}
    _log.error("%s", error, extra=extra)


def _origin(coroutine: Coroutine[Any, Any, Any]) -> str:
    """The line that made it, if Python keeps that; the nearest one outside of this package."""
    for file, line, _ in getattr(coroutine, "cr_origin", None) or ():
        if not file.startswith(_OURS):
            return f"{display_path(file)}:{line}: "
    return ""


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
