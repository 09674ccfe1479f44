"""PID 1: in a container, reap orphans and forward signals, so that the program need not."""

from __future__ import annotations

import os
import signal

from runtime.program.exit import exit_now

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def step_aside() -> None:
    """As PID 1, continue in a child process and stay behind to reap; otherwise do nothing.

    Orphaned processes become children of PID 1, which must wait for them or they stay zombies. The
    program itself could not tell them from its own children, so it must not be PID 1.
    Call this before any thread is started. The child inherits the signal handlers.
    """
    if os.getpid() != 1:
        return
    # Between the fork and the new handlers, a signal would be lost or end both processes.
    signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
    child = os.fork()
    if child == 0:
        os.setsid()  # else a terminal's Ctrl-C arrives twice: from it, and from the parent
        signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
        return
    for number in FORWARDED:
        signal.signal(number, lambda received, frame: os.kill(child, received))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
    _reap_until(child)


def _reap_until(child: int) -> None:
    """Reap every process until `child` ends, and exit with its code, or 128 + n for signal n."""
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            exit_now(code if code >= 0 else 128 - code)
