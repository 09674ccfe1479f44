"""Traceback: an exception's traceback, from the application's own code on."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterator
from pathlib import Path

_OURS = tuple(f"{folder}/" for folder in (Path(__file__).parents[1], Path(asyncio.__file__).parent))


def format_traceback(error: BaseException) -> str:
    """Format as Python does, without the frames of this package that led to a handler.

    An error that was raised and caught within this package keeps its frames.
    """
    whole = traceback.TracebackException.from_exception(error)
    for part in _with_causes(whole):
        frames = part.stack
        ours = 0
        while ours < len(frames) and frames[ours].filename.startswith(_OURS):
            ours += 1
        if ours < len(frames):
            del frames[:ours]
    return "".join(whole.format())


def _with_causes(
    error: traceback.TracebackException,
) -> Iterator[traceback.TracebackException]:
    pending = [error]
    while pending:
        part = pending.pop()
        yield part
        related = (part.__cause__, part.__context__, *(part.exceptions or ()))
        pending.extend(other for other in related if other is not None)
