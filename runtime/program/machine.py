"""Machine: what a program needs of the machine it runs on, whatever the application."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from runtime.findings.remark import Remark, State
from runtime.program.descriptors import LEAST
from runtime.units import format_size

_FEW = 1024
"""Descriptors below which a busy server turns clients away."""
_LITTLE = 256 * 2**20
_LEAST_SQLITE = (3, 35, 0)
"""The first one with RETURNING, which durable queues and handlers use."""
_TIME_ERROR = 5
"""Returned by adjtimex(2) if nothing keeps the clock in step."""
_CGROUP = Path("/sys/fs/cgroup/memory.max")


def examine_machine(cgroup: Path = _CGROUP) -> Iterator[Remark]:
    """Look at Python, SQLite, the limits of this process and the clock."""
    yield Remark(State.OK, f"Python {platform.python_version()} at {sys.executable}")
    yield _sqlite(sqlite3.sqlite_version_info)
    yield _descriptors(resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    yield _memory(cgroup)
    if (clock := _clock()) is not None:
        yield clock


def _sqlite(version: tuple[int, ...]) -> Remark:
    text = f"SQLite {'.'.join(map(str, version))}"
    if version >= _LEAST_SQLITE:
        return Remark(State.OK, text)
    least = ".".join(map(str, _LEAST_SQLITE))
    return Remark(State.FAILURE, f"{text} is too old", f"use a Python that has {least} or later")


def _descriptors(hard: int) -> Remark:
    """By the hard limit: `runtime run` raises the soft one to it."""
    if hard == resource.RLIM_INFINITY:
        return Remark(State.OK, "any number of open files")
    text = f"at most {hard:,} open files"
    if hard < LEAST:
        return Remark(State.FAILURE, text, f"raise the limit (ulimit -Hn) to {_FEW:,} or more")
    if hard < _FEW:
        hint = f"each client needs one; raise the limit (ulimit -Hn) to {_FEW:,} or more"
        return Remark(State.WARNING, text, hint)
    return Remark(State.OK, text)


def _memory(cgroup: Path) -> Remark:
    try:
        limit = int(cgroup.read_text(encoding="ascii"))
    except (OSError, ValueError):  # there is none, or it says "max"
        limit = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text = f"{format_size(limit)} of memory, {count} {'processor' if count == 1 else 'processors'}"
    if limit < _LITTLE:
        return Remark(State.WARNING, text, "a program has 40 MiB and more; give it 256 MiB")
    return Remark(State.OK, text)


def _clock() -> Remark | None:
    """None where it cannot be told. Leases and schedules of several machines go by the clock."""
    status = _adjtimex()
    if status is None:
        return None
    if status == _TIME_ERROR:
        hint = "schedules and leases go by it; run chrony, ntpd or systemd-timesyncd"
        return Remark(State.WARNING, "nothing keeps the clock in step with others", hint)
    return Remark(State.OK, "the clock is kept in step with others")


def _adjtimex() -> int | None:
    try:
        call = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None  # not Linux
    status = int(call(ctypes.create_string_buffer(512)))  # zeros: read, set nothing
    return None if status < 0 else status
