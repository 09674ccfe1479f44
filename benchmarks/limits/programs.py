"""Programs: the limits that are measured as subjects are."""

from __future__ import annotations

from benchmarks.subject import ROOT, Subject


def _by_hand(title: str, file: str, *, works: bool = True, durable: bool = False) -> Subject:
    command = f"python {ROOT}/benchmarks/limits/{file} {{port}}"
    return Subject(title, "limit", [command], works=works, durable=durable)


BARE = _by_hand("bare ASGI on uvicorn", "bare.py", works=False)
MEMORY = _by_hand("memory, by hand", "memory.py")
DURABLE = _by_hand("durable, normal, by hand", "durable.py", durable=True)

PROGRAMS = [BARE, MEMORY, DURABLE]


def limit_of(subject: Subject) -> Subject:
    """The limit that a subject is held against; its own limit is 1."""
    if not subject.works:
        return BARE
    return DURABLE if subject.durable else MEMORY
