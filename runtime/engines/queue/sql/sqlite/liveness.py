"""Liveness: the identity of a process, and proof that it has ended.

Only proof ends a lease at once; where there is none, the lease has to expire.

- A process of the same boot and pid namespace has ended if the kernel knows no such pid (`kill`
  needs no descriptor for that, and is not fooled by `hidepid`), or if the pid is a zombie's or that
  of a process which started at another time. A `/proc` that is not mounted, is hidden, or cannot
  be read because no descriptor is left, proves nothing.
- Another boot id alone proves nothing: containers may have one of their own (systemd-nspawn makes
  one up), and a virtual machine may work in a folder of its host. It proves a reboot only if both
  processes are in the initial pid namespace, where nobody makes up boot ids, and the file is on a
  disk that only one kernel mounts. That includes a disk that was restored on another machine: if
  its first program still runs there, it has another copy of the file.
- Of a process in another pid or time namespace nothing can be known from here.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

PROC = Path("/proc")

_INITIAL_PID_NAMESPACE = "pid:[4026531836]"
_INITIAL_TIME_NAMESPACE = "time:[4026531834]"
"""Fixed numbers of Linux (PROC_PID_INIT_INO and PROC_TIME_INIT_INO)."""


def clock() -> float:
    """Seconds since the machine booted: the same for all its programs, also if the time is set."""
    return time.clock_gettime(_CLOCK)


class ProcessIdentity(NamedTuple):
    """`machine` is another one after each boot, and empty if it cannot be known; `name` is unique
    among its processes.
    """

    machine: str
    name: str

    @classmethod
    def current(cls) -> ProcessIdentity:
        """The identity of this process."""
        pid = os.getpid()
        return cls(_machine(), f"{_namespace('pid')} {pid} {_start(pid) or '0'}")

    def shares_clock(self, here: ProcessIdentity) -> bool:
        """True if `clock` is the same for both processes."""
        return bool(self.machine) and self.machine == here.machine

    def is_dead(self, here: ProcessIdentity, on_local_disk: bool) -> bool:
        """True if that process has certainly ended; False if that cannot be known from `here`.

        `on_local_disk` says that no other machine can have the database open.
        """
        if not self.machine or not here.machine:
            return False
        namespace, _, rest = self.name.partition(" ")
        if namespace == "unknown" or namespace != here.name.partition(" ")[0]:
            return False
        if _boot_id(self.machine) != _boot_id(here.machine):
            return on_local_disk and namespace == _INITIAL_PID_NAMESPACE
        return self.shares_clock(here) and _has_ended(*rest.partition(" ")[::2])


def _has_ended(pid: str, start: str) -> bool:
    if not pid.isdecimal() or not start.isdecimal() or start == "0":
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        pass  # no permission, so there is such a process
    found = _start(int(pid))
    return found is not None and found != start


def _machine() -> str:
    """The boot id, and the time namespace unless it is the initial one, which has another clock."""
    boot = _read("sys/kernel/random/boot_id")
    namespace = _namespace("time")
    if not boot or namespace in ("unknown", _INITIAL_TIME_NAMESPACE):
        return boot or ""
    return f"{boot} {namespace}"


def _boot_id(machine: str) -> str:
    return machine.partition(" ")[0]


def _start(pid: int) -> str | None:
    """The start time of a process, in ticks; `0` for a zombie, None if it cannot be read."""
    fields = (_read(f"{pid}/stat") or "").rpartition(")")[2].split()
    if len(fields) < 20:
        return None
    return "0" if fields[0] in ("Z", "X") else fields[19]


def _namespace(kind: str) -> str:
    try:
        return os.readlink(PROC / "self" / "ns" / kind)
    except OSError:
        return "unknown"


def _read(path: str) -> str | None:
    try:
        return (PROC / path).read_text(errors="replace").strip()
    except OSError:
        return None
