"""Liveness: the identity of a process, and a check whether it is still running."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def clock() -> float:
    """Seconds since the machine booted: the same for all its programs, also if the time is set."""
    return time.clock_gettime(_CLOCK)


class ProcessIdentity(NamedTuple):
    """`machine` is another one after each boot; `name` is unique among its processes."""

    machine: str
    name: str

    @classmethod
    def current(cls) -> ProcessIdentity:
        """The identity of this process."""
        pid = os.getpid()
        return cls(_boot(), f"{_namespace()} {pid} {_start(pid)}")

    def is_dead(self) -> bool:
        """True if that process has certainly ended; False if that cannot be known from here."""
        if self.machine != _boot():
            return True
        try:
            namespace, pid, start = self.name.split()
        except ValueError:
            return False
        # The pid of a process in another container is some other process here.
        if not start.isdecimal() or start == "0" or namespace != _namespace():
            return False
        return _start(int(pid)) != start


def _boot() -> str:
    """An id of the current boot; empty where the system has none."""
    return _read("/proc/sys/kernel/random/boot_id")


def _start(pid: int) -> str:
    """The start time of a process, in ticks; `0` if there is none, or it is a zombie."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and fields[0] not in ("Z", "X") else "0"


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return "unknown"


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
