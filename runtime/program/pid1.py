"""PID 1: in a container, adopt orphans and pass signals on, so that the program need not."""

from __future__ import annotations

import os
import signal

from runtime.program.signals import exit_now

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def step_aside() -> None:
    """As PID 1, go on in a child and stay behind to reap; elsewhere, do nothing.

    A process without a parent becomes a child of PID 1, which must wait for it or keep its zombie
    for ever. The program itself cannot tell its own children from those, so it is not PID 1.
    Must be called before there are threads. The child keeps the signal handlers of its parent.
    """
    if os.getpid() != 1:
        return
    # A signal between the fork and the handler that passes it on would be lost or end both.
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    child = os.fork()
    if child == 0:
        os.setsid()  # a terminal's Ctrl-C would come twice: from it, and from the parent
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        return
    for number in PASSED_ON:
        signal.signal(number, lambda received, frame: os.kill(child, received))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    _reap_until(child)


def _reap_until(child: int) -> None:
    """Wait for whatever ends, and end with the code of `child`: 128 + n if signal n killed it."""
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            exit_now(code if code >= 0 else 128 - code)
