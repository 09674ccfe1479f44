"""PID 1: in a container, adopt orphans and pass signals on, so that the program need not."""

from __future__ import annotations

import os
import signal

from runtime.signals import leave


def step_aside() -> None:
    """As PID 1, go on in a child and stay behind to reap; elsewhere, do nothing.

    A process without a parent becomes a child of PID 1, which must wait for it or keep its zombie
    for ever. The program itself cannot tell its own children from those, so it is not PID 1.
    Must be called before there are threads.
    """
    if os.getpid() != 1:
        return
    child = os.fork()
    if child == 0:
        return
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, lambda received, frame: os.kill(child, received))
    while True:
        try:
            pid, status = os.wait()
        except InterruptedError:
            continue
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            leave(code if code >= 0 else 128 - code)
