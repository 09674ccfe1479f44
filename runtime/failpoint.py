"""Failpoint: named places where a test can make the program crash or raise.

Reliability tests set `RUNTIME_TESTING=1`, and `RUNTIME_FAULT` to name a failpoint and which of its
passes fails. Without the first, the second is ignored, with a warning in the log.

    queue.claim.after_commit          crash at the first pass
    queue.claim.after_commit:3        crash at the third pass
    queue.claim.after_commit=SIGKILL  be killed at the first pass
    :17                               crash at the 17th pass of any failpoint in POINTS
    sqlite.execute:5=SQLITE_FULL      raise Injected("SQLITE_FULL") at the fifth pass
    sqlite.execute:5-9=SQLITE_FULL    raise it at passes five to nine

While none is armed, passing a failpoint costs one call that tests one global.
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
    "queue.requeue.before_commit",
    "queue.requeue.after_commit",
    "queue.requeue.after_accept",
    "queue.drop.before_commit",
    "queue.drop.after_commit",
    "queue.promote.before_commit",
    "queue.promote.after_commit",
    "queue.lease.before_commit",
    "queue.lease.after_commit",
    "queue.sweep.before_commit",
    "queue.sweep.after_commit",
)
"""Every failpoint of a queue; a test sweeps over them and checks that each was reached."""

EXIT_CODE = 9
SIGKILL = "SIGKILL"
"""In the place of an error: the program kills itself, as nothing in it can prevent."""


class Injected(Exception):
    """The error that a failpoint was asked to raise; its text is the error's name."""


_asked = os.environ.get("RUNTIME_FAULT", "")
IS_IGNORED = bool(_asked) and os.environ.get("RUNTIME_TESTING") != "1"
"""True if `RUNTIME_FAULT` is set outside of a test, so that it arms nothing."""

_armed, _, _error = ("" if IS_IGNORED else _asked).partition("=")
_name, _, _passes = _armed.partition(":")
_first, _, _last = _passes.partition("-")
_range = range(int(_first or 1), int(_last or _first or 1) + 1)
_count = 0
_lock = threading.Lock()


def is_armed(name: str) -> bool:
    """True if this failpoint is armed."""
    return _name == name


def point(name: str) -> None:
    """Pass the failpoint `name`; if it is due, end the process or raise Injected."""
    if _armed:
        _pass(name)


def _pass(name: str) -> None:
    global _count
    if _name and _name != name:
        return
    with _lock:
        _count += 1
        if _count not in _range:
            return
        sys.stderr.write(f"fault: {name}\n")  # a single write: other threads write too
        sys.stderr.flush()
        if _error == SIGKILL:
            import signal  # no start needs it that early

            os.kill(os.getpid(), signal.SIGKILL)
        if _error:
            raise Injected(_error)
        os._exit(EXIT_CODE)
