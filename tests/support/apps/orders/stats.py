"""GET /api/stats: numbers of this process, from a plain `def`."""

from __future__ import annotations

import os
import resource
import threading


def handler():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "runtime": {
            "pid": os.getpid(),
            "threads": threading.active_count(),
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "memory_kib": used.ru_maxrss,
        }
    }
