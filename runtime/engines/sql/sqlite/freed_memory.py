"""FreedMemory: keep what statements free for the next one, instead of giving it to the system.

glibc gives the end of the main thread's heap back once 128 KiB of it are free. SQLite takes more
than that for a statement with temporary tables (`UPDATE … RETURNING`, `IN (SELECT …)`) and frees it
at its end: on the event loop each took 20 page faults and 70 µs longer than in a thread.
"""

from __future__ import annotations

KEPT = 2 * 2**20
"""Bytes. A program that reads a large file once keeps as much anyway."""


def keep_freed_memory() -> None:
    """Raise the limit to `KEPT` bytes: it becomes twice the size of a freed block that was mapped,
    as blocks of that size are. Other C libraries ignore it."""
    bytes(KEPT // 2)
