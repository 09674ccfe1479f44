"""Stack: the traceback of a fault, from the user's own code on."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterator
from pathlib import Path

_OURS = tuple(f"{folder}/" for folder in (Path(__file__).parents[1], Path(asyncio.__file__).parent))


def stack(fault: BaseException) -> str:
    """The traceback as Python prints it, without the frames of this package that led to a handler.

    A fault that never left this package keeps its frames.
    """
    whole = traceback.TracebackException.from_exception(fault)
    for told in _with_causes(whole):
        frames = told.stack
        led = 0
        while led < len(frames) and frames[led].filename.startswith(_OURS):
            led += 1
        if led < len(frames):
            del frames[:led]
    return "".join(whole.format())


def _with_causes(
    fault: traceback.TracebackException,
) -> Iterator[traceback.TracebackException]:
    waiting = [fault]
    while waiting:
        told = waiting.pop()
        yield told
        inside = (told.__cause__, told.__context__, *(told.exceptions or ()))
        waiting.extend(other for other in inside if other is not None)
