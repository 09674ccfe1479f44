"""Parent: children that end with the program that started them, however that ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def ending_with(parent: int) -> Callable[[], None]:
    """A function that has the kernel, on Linux, kill the process that calls it once `parent` ends.

    It ends the process at once if that is no longer its parent. It may be called between a fork and
    an exec, where the child of a program with threads can hardly do a thing: all is looked up here.
    """
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def prepare() -> None:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(127)

    return prepare
