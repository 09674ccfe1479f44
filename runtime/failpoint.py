"""Fault: named places where a test may let the program die or err, to see what survives.

Nothing happens there unless `RUNTIME_FAULT` names a place and which passings of it:

    queue.claim.after_commit          the first passing ends the program
    queue.claim.after_commit:3        the third does
    :17                               the 17th passing of any place of POINTS does
    sqlite.execute:5=SQLITE_FULL      the fifth passing raises an Injected of that name
    sqlite.execute:5-9=SQLITE_FULL    so do all from the fifth to the ninth
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
    "queue.bury.after_accept",
    "queue.release.after_commit",
    "queue.promote.before_commit",
    "queue.promote.after_commit",
    "queue.lease.before_commit",
    "queue.lease.after_commit",
    "queue.sweep.before_commit",
    "queue.sweep.after_commit",
)
"""Every place where a program may die, so that a sweep can tell whether it came to all of them."""

EXIT_CODE = 9


class Injected(Exception):
    """What a place raises that was asked for an error; its text is the error's name."""


_armed, _, _error = os.environ.get("RUNTIME_FAULT", "").partition("=")
_name, _, _passings = _armed.partition(":")
_first, _, _last = _passings.partition("-")
_range = range(int(_first or 1), int(_last or _first or 1) + 1)
_passed = 0
_lock = threading.Lock()


def armed(name: str) -> bool:
    """Whether this very place is named."""
    return _name == name


def point(name: str) -> None:
    """Pass a place; if it is armed, die here or raise Injected."""
    if _armed:
        _pass(name)


def _pass(name: str) -> None:
    global _passed
    if _name and _name != name:
        return
    with _lock:
        _passed += 1
        if _passed not in _range:
            return
        sys.stderr.write(f"fault: {name}\n")  # in one piece, beside other threads
        sys.stderr.flush()
        if _error:
            raise Injected(_error)
        os._exit(EXIT_CODE)
