"""Family: the processes of one program, which share its session, read from /proc."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes of all processes together. PSS counts shared pages once; 0 where it is unknown."""

    rss: float
    pss: float


class Family:
    """A started program with all its descendants, ended by `stop`."""

    def __init__(self, command: Sequence[str], folder: Path, env: Mapping[str, str]) -> None:
        self._log = (folder / "log.txt").open("ab")
        self._leader = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            cwd=folder,
            env={**os.environ, **env},
            start_new_session=True,
        )

    @property
    def running(self) -> bool:
        return self._leader.poll() is None

    @property
    def pid(self) -> int:
        return self._leader.pid

    def cpu(self) -> float:
        """Seconds of user and system time of all processes that are alive."""
        return sum(int(stat[11]) + int(stat[12]) for _, stat in self._members()) * _TICK

    def memory(self) -> Memory:
        rss = pss = 0.0
        for pid, stat in self._members():
            rss += int(stat[21]) * _PAGE / _MEGABYTE
            pss += _pss(pid)
        return Memory(rss, pss)

    def threads(self) -> int:
        return sum(int(stat[17]) for _, stat in self._members())

    def descriptors(self) -> int:
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid, _ in self._members())

    def stop(self, limit: float = 15.0) -> None:
        """Terminate the leader, then kill what is left of the session after `limit` seconds."""
        if self.running:
            self._leader.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._leader.wait(limit)
        for pid, _ in self._members():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._leader.wait()
        self._log.close()

    def _members(self) -> Iterator[tuple[int, list[str]]]:
        """Each process, with the fields of its `stat` after the name, the state first."""
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                text = Path("/proc", name, "stat").read_text()
            except OSError:
                continue  # it ended meanwhile
            stat = text.rpartition(")")[2].split()
            if int(stat[3]) == self._leader.pid and stat[0] != "Z":
                yield int(name), stat


def _pss(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    line = next(line for line in text.splitlines() if line.startswith("Pss:"))
    return int(line.split()[1]) * 1024 / _MEGABYTE
