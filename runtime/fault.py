"""Fault: named places where a test may let the program die, to see what survives.

Nothing happens there unless `RUNTIME_FAULT` is set: to `NAME` or `NAME:N` it names a place and
which passing of it is the last; to `:N` the N-th passing of any place is.
"""

from __future__ import annotations

import os
import sys
import threading

POINTS = (
    "queue.publish.before_commit",
    "queue.publish.after_commit",
    "queue.claim.before_commit",
    "queue.claim.after_commit",
    "queue.settle.before_commit",
    "queue.settle.after_commit",
    "queue.promote.before_commit",
    "queue.promote.after_commit",
    "queue.sweep.before_commit",
    "queue.sweep.after_commit",
)
"""Every place there is, so that a sweep can tell whether it came to all of them."""

EXIT_CODE = 9

_armed = os.environ.get("RUNTIME_FAULT", "")
_name, _, _count = _armed.partition(":")
_left = int(_count) if _count.isdecimal() else 1
_lock = threading.Lock()


def point(name: str) -> None:
    """Pass a place; die here if it is armed."""
    if _armed:
        _pass(name)


def _pass(name: str) -> None:
    global _left
    if _name and _name != name:
        return
    with _lock:
        _left -= 1
        if _left == 0:
            print(f"fault: {name}", file=sys.stderr, flush=True)
            os._exit(EXIT_CODE)
