"""A real server that a test starts, freezes, kills and starts again."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import pytest

from tests.support import guard

SOON = 60.0
"""Seconds after which a server is broken that has not started or stopped."""

_chance = random.SystemRandom()  # the processes of a test run must not take the same

ROOM = 512 << 20
"""Bytes that must be free in memory for servers to keep their files there."""


def require(what: str, package: str, found: bool) -> None:
    """Skip the test on a machine without that server, and fail it in CI, which has them all."""
    if found:
        return
    if "CI" in os.environ:
        pytest.fail(f"CI has no {what}: .ci/run installs Debian's package {package}", pytrace=False)
    pytest.skip(f"no {what} here (Debian's package {package})")


def server_folder(user: str, name: str, *, on_disk: bool) -> Path:
    """A new folder of that user's, in memory where there is room, if it need not be on disk."""
    memory = Path("/dev/shm")
    roomy = not on_disk and memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    folder = Path(tempfile.mkdtemp(prefix=f"test-{name}-", dir=memory if roomy else None))
    remove_abandoned(folder.parent, f"test-{name}-*")
    folder.chmod(0o755)
    give(folder, user)
    return folder


def remove_abandoned(place: Path, pattern: str) -> None:
    """Remove the files of servers that had no guard when their user died: they were stopped."""
    for lease in place.glob(f"{pattern}/lease"):
        with contextlib.suppress(OSError), lease.open() as file:
            old = time.time() - os.fstat(file.fileno()).st_mtime > SOON
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if old:
                shutil.rmtree(lease.parent)


def give(path: Path, user: str) -> None:
    """Make a file or folder that user's, for a server that refuses to run as root."""
    if os.getuid() == 0:
        os.chown(path, *ids(user))


def ids(user: str) -> tuple[int, int]:
    if os.getuid() != 0:
        return os.getuid(), os.getgid()
    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid


def as_user(user: str) -> list[str]:
    """What goes before a command that runs as that user, where we are root."""
    uid, gid = ids(user)
    dropped = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
    return dropped if os.getuid() == 0 else []


def free_port() -> int:
    """A port below those that the system gives to clients, one of which may take it at once."""
    while True:
        port = _chance.randrange(20_000, 32_000)
        with socket.socket() as found, contextlib.suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port


def listens(port: int, host: str = "127.0.0.1") -> bool:
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


def hold(lease: Path) -> IO[str]:
    """Hold a lease for as long as the returned file is open."""
    file = lease.open("a")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


class ServerProcess:
    """One run of a server under a guard of its own.

    `within` goes before the command, as `ip netns exec NAME` would.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        lease: Path,
        user: str,
        env: Mapping[str, str] | None = None,
        within: Sequence[str] = (),
    ) -> None:
        self._log = folder / "server.log"
        self._log_start = self._log.stat().st_size if self._log.exists() else 0
        program = [sys.executable, "-I", "-S", guard.__file__]
        with self._log.open("ab") as log:
            self._guard = subprocess.Popen(
                [*within, *program, str(lease), str(folder), *map(str, ids(user)), *command],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=env,
                start_new_session=True,
            )
        assert self._guard.stdout is not None
        with self._guard.stdout as pids:
            first = pids.readline()
        if not first:
            raise RuntimeError(f"{command[0]} did not start:\n{self.log[-4000:]}")
        self.pid = int(first)

    @property
    def log(self) -> str:
        """What it has written in this run."""
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    @property
    def pids(self) -> list[int]:
        """All that runs of the server."""
        return list(guard.descendants(self._guard.pid))

    @property
    def guard_pid(self) -> int:
        return self._guard.pid

    @property
    def running(self) -> bool:
        return self._guard.poll() is None

    def wait_until(self, ready: Callable[[], bool]) -> None:
        until = time.monotonic() + SOON
        while not ready():
            if not self.running or time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"the server did not start:\n{self.log[-4000:]}")
            time.sleep(0.02)

    def send(self, number: int) -> None:
        """Send a signal to all of it at once."""
        guard.signal_all(iter(self.pids), number)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Ask it to stop, wait until it has, and kill it if it does not."""
        if self.running:
            os.kill(self.pid, number)
        try:
            self._guard.wait(SOON)
        except subprocess.TimeoutExpired:
            self.kill()

    def detach(self) -> None:
        """Leave it to its guard: it may outlive us, and we do not wait for it."""
        self._guard.returncode = 0

    def kill(self) -> None:
        """End all of it at once, as the loss of its machine would."""
        if self.running:
            self._guard.terminate()
        self._guard.wait(SOON)
