"""What all real servers of the tests have in common: start, stop, kill, freeze, remove."""

from __future__ import annotations

import shutil
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.support.server_process import ServerProcess, free_port, hold, listens, server_folder

LOOPBACK = "127.0.0.1"


class Server(ABC):
    """One server with files and a port that stay through restarts.

    `lease` is the file whose holders keep it running (its own by default, held by this object).
    `within` goes before its commands, as `ip netns exec NAME` would, with `host` as the address
    where it listens there. `on_disk` is for measurements: else its files are in memory.
    """

    name: str
    user: str
    stop_signal = signal.SIGTERM
    end_signal = signal.SIGKILL
    """Ends it faster than `stop_signal`, before its files are removed."""

    def __init__(
        self,
        *,
        lease: Path | None = None,
        host: str = LOOPBACK,
        within: Sequence[str] = (),
        on_disk: bool = False,
    ) -> None:
        self.host = host
        self.port = free_port()
        self.folder = server_folder(self.user, self.name, on_disk=on_disk)
        self._within = within
        self._lease = lease or self.folder / "lease"
        self._held = hold(self._lease)
        self._process: ServerProcess | None = None

    @abstractmethod
    def initialize(self) -> None:
        """Write what it needs before its first start."""

    @abstractmethod
    def command(self) -> Sequence[str]: ...

    def env(self) -> Mapping[str, str] | None:
        """Its environment; None for ours."""
        return None

    def accepts(self) -> bool:
        """True if it lets clients in."""
        return listens(self.port, self.host)

    @property
    def process(self) -> ServerProcess:
        assert self._process is not None, "it was not started"
        return self._process

    def start(self) -> None:
        self._process = ServerProcess(
            self.command(),
            folder=self.folder,
            lease=self._lease,
            user=self.user,
            env=self.env(),
            within=self._within,
        )
        self._process.wait_until(self.accepts)

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Make it, and start it; it is removed in the end."""
        try:
            self.initialize()
            self.start()
            yield self
        finally:
            self.remove()

    def stop(self) -> None:
        """Stop it as a planned restart does."""
        self.process.stop(self.stop_signal)

    def kill(self) -> None:
        """End it with all its processes at once, as a crash of the machine would."""
        self.process.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def suspend(self) -> None:
        """Freeze it: connections stay open and nobody answers."""
        self.process.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send(signal.SIGCONT)

    def remove(self) -> None:
        """End it, and remove its files."""
        if self._process is not None and self._process.running:
            self.resume()
            self._process.stop(self.end_signal)
        shutil.rmtree(self.folder, ignore_errors=True)
        self._held.close()

    def detach(self) -> None:
        """Leave it to the others that hold its lease."""
        self.process.detach()
        self._held.close()
