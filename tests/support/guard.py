"""Runs one server, and ends all of it once nobody holds its lease.

    guard.py LEASE FOLDER UID GID COMMAND...

A user of the server holds a shared lock on the file LEASE. The kernel gives it back however that
user ends, also by SIGKILL; the guard, which waits for the exclusive lock, then ends the server and
removes FOLDER. As the reaper of all that the server leaves behind (PostgreSQL's backends outlive
their postmaster, RabbitMQ's epmd is a daemon), it can kill the whole, which SIGTERM asks it to do.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

PR_SET_CHILD_SUBREAPER = 36

SOON = 5.0
"""Seconds that a server has to leave by itself, with its shared memory, before it is killed."""


def descendants(pid: int) -> Iterator[int]:
    """The processes below one, parents first."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                yield child
                yield from descendants(child)


def signal_all(pids: Iterator[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def kill_descendants() -> None:
    """As a machine that loses power: they are all frozen before the first is killed."""
    signal_all(descendants(os.getpid()), signal.SIGSTOP)
    signal_all(descendants(os.getpid()), signal.SIGKILL)


class Guard:
    def __init__(self, lease: IO[str], folder: Path, command: list[str], **options: Any) -> None:
        self._lease = lease
        self._folder = folder
        self._abandoned = False
        self._server = subprocess.Popen(command, **options)

    def run(self) -> int:
        """The server's exit code, once nothing of it runs."""
        signal.signal(signal.SIGTERM, lambda *_: kill_descendants())
        print(self._server.pid, flush=True)
        threading.Thread(target=self._watch, daemon=True).start()
        code = self._server.wait()
        self._reap()
        if self._abandoned:
            shutil.rmtree(self._folder, ignore_errors=True)
        return code if code >= 0 else 128 - code

    def _watch(self) -> None:
        fcntl.flock(self._lease, fcntl.LOCK_EX)
        self._abandoned = True
        signal_all(descendants(os.getpid()), signal.SIGCONT)
        signal_all(iter([self._server.pid]), signal.SIGQUIT)
        threading.Timer(SOON, os.kill, [os.getpid(), signal.SIGTERM]).start()

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                kill_descendants()
                os.wait()


def main(lease: str, folder: str, uid: str, gid: str, *command: str) -> int:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    options = {"user": int(uid), "group": int(gid), "extra_groups": []} if os.getuid() == 0 else {}
    with open(lease) as file:
        return Guard(
            file,
            Path(folder),
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            cwd=folder,
            **options,
        ).run()


if __name__ == "__main__":
    # a timer that still runs is not waited for
    os._exit(main(*sys.argv[1:]))
