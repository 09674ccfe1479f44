"""Traceback: an exception's traceback within the application's own code."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterator
from pathlib import Path

_OURS = tuple(f"{folder}/" for folder in (Path(__file__).parents[1], Path(asyncio.__file__).parent))

_TIMES = 100


class ForeignTraceback(Exception):
    """The cause of an exception that was raised in another process: its traceback there."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def format_traceback(error: BaseException) -> str:
    """Format as Python does, without the frames of this package around those of a handler.

    Those before led to the handler, those after it are of what it called: the stack ends in the
    line of the handler. An error raised and caught within this package keeps its frames, unless
    its class has `names_its_place`: then its text says all.
    """
    if isinstance(error.__cause__, ForeignTraceback):
        return error.__cause__.text
    whole = traceback.TracebackException.from_exception(error)
    for part in _with_causes(whole):
        frames = part.stack
        others = [n for n, frame in enumerate(frames) if not frame.filename.startswith(_OURS)]
        if others:
            frames[:] = frames[others[0] : others[-1] + 1]
    if getattr(error, "names_its_place", False) and not (error.__cause__ or error.__context__):
        return "".join(whole.format_exception_only())
    return _format(whole)


def _format(whole: traceback.TracebackException) -> str:
    for _ in range(_TIMES):
        try:
            return "".join(whole.format())
        except SystemError:  # another thread reads syntax, see runtime/handlers/syntax.py
            continue
    return "".join(whole.format_exception_only())


def _with_causes(
    error: traceback.TracebackException,
) -> Iterator[traceback.TracebackException]:
    pending = [error]
    while pending:
        part = pending.pop()
        yield part
        related = (part.__cause__, part.__context__, *(part.exceptions or ()))
        pending.extend(other for other in related if other is not None)
