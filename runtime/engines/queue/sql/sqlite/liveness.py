"""Process: who this program is among those of its machine, and whether another one lives."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def clock() -> float:
    """Seconds since the machine started: the same for all its programs, whoever sets the time."""
    return time.clock_gettime(_CLOCK)


class ProcessIdentity(NamedTuple):
    """`machine` changes with every start of the machine; `name` is never used by two programs."""

    machine: str
    name: str

    @classmethod
    def mine(cls) -> ProcessIdentity:
        pid = os.getpid()
        return cls(_boot(), f"{_namespace()} {pid} {_start(pid)}")

    def is_dead(self) -> bool:
        """Whether that program has certainly ended. False if it cannot be known from here."""
        if self.machine != _boot():
            return True
        try:
            namespace, pid, start = self.name.split()
        except ValueError:
            return False
        # A program in another container has a number that means somebody else here.
        if not start.isdecimal() or start == "0" or namespace != _namespace():
            return False
        return _start(int(pid)) != start


def _boot() -> str:
    """A text that every start of the machine has for itself; empty where the system has none."""
    return _read("/proc/sys/kernel/random/boot_id")


def _start(pid: int) -> str:
    """When a program started, in ticks; `0` if there is none, or it is only a zombie."""
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
