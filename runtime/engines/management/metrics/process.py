"""Process: memory, processor time and files of a process, as Linux tells them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from runtime.engines.management.metrics.family import Row

_PROC = Path("/proc")
_LIMIT = re.compile(r"^Max open files\s+(\d+)", re.MULTILINE)


def process_rows(worker: str, pid: int) -> Iterator[tuple[str, Row]]:
    """Its figures under the names that Prometheus' own libraries use.

    Nothing for a process that has gone, and on systems other than Linux.
    """
    folder, labels = _PROC / str(pid), (worker,)
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        files = len(os.listdir(folder / "fd"))
        limit = _LIMIT.search((folder / "limits").read_text())
    except OSError:
        return
    ticks = os.sysconf("SC_CLK_TCK")
    spent, started = int(fields[11]) + int(fields[12]), int(fields[19])
    yield "process_cpu_seconds_total", Row(labels, spent / ticks)
    yield "process_virtual_memory_bytes", Row(labels, int(fields[20]))
    yield "process_resident_memory_bytes", Row(labels, resident(pid))
    yield "process_start_time_seconds", Row(labels, _boot_time() + started / ticks)
    yield "process_open_fds", Row(labels, files)
    if limit is not None:
        yield "process_max_fds", Row(labels, int(limit[1]))


def resident(pid: int) -> int:
    """Bytes of memory that a process has; 0 if that is not known."""
    try:
        pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


@cache
def _boot_time() -> int:
    text = (_PROC / "stat").read_text()
    return int(text.partition("btime ")[2].split()[0])
