"""One server for all processes of a test run: the first that needs it starts it."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.support.server_process import hold


class Address(msgspec.Struct, frozen=True):
    """Where a shared server runs. Its guard removes `folder` when it ends."""

    folder: str
    port: int
    admin_port: int = 0


@contextmanager
def shared(place: Path, name: str, start: Callable[[Path], Address]) -> Iterator[Address]:
    """Use the server `name` of this run, whose processes have `place` in common.

    `start` starts it under the lease that it is given. The server ends when the last process has
    left, or died. Who comes while it ends waits for that, and starts it anew.
    """
    note = place / f"{name}.json"
    with hold(place / f"{name}.lease") as lease:
        with open(place / f"{name}.lock", "w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            address = (
                msgspec.json.decode(note.read_bytes(), type=Address) if note.exists() else None
            )
            if address is None or not Path(address.folder).is_dir():
                address = start(Path(lease.name))
                note.write_bytes(msgspec.json.encode(address))
        yield address
