"""Hosts on one network, each a network namespace, that a test cuts off and joins again."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO

import pytest

from tests.support.server_process import require

MOST_NETWORKS = 32
MOST_HOSTS = 100


def require_hosts() -> None:
    """Skip the test where no network namespaces can be made."""
    if os.getuid() != 0:
        pytest.skip("no hosts here: only root may make network namespaces")
    require("command 'ip'", "iproute2", shutil.which("ip") is not None)
    probe = f"test-probe-{os.getpid()}"
    try:
        _ip("netns", "add", probe)
        _ip("netns", "delete", probe)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no hosts here: network namespaces cannot be made ({error})")


class Host:
    """`within` goes before the command of a program that runs there; it listens on `address`."""

    def __init__(self, network: int, number: int) -> None:
        self.address = f"198.18.{network}.{number}"
        self.namespace = f"test-{network}-{number}"
        self.within = ("ip", "netns", "exec", self.namespace)
        self._outside = f"test-{network}-{number}"

    def cut(self) -> None:
        """Pull its cable: nothing passes either way, and connections are not told."""
        _ip("link", "set", self._outside, "down")

    def join(self) -> None:
        """Put its cable back."""
        _ip("link", "set", self._outside, "up")

    def add(self, bridge: str) -> None:
        _ip("netns", "add", self.namespace)
        inside = ("type", "veth", "peer", "name", "eth0", "netns", self.namespace)
        _ip("link", "add", self._outside, *inside)
        _ip("link", "set", self._outside, "master", bridge, "up")
        _ip("-n", self.namespace, "address", "add", f"{self.address}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            _ip("-n", self.namespace, "link", "set", link, "up")


class Network:
    """A bridge between hosts. The test itself is on it too, as `address`.

    Its number is taken by a lock on a file, so that test processes have networks of their own. Who
    takes a number removes what a killed process has left of it.
    """

    def __init__(self) -> None:
        self._number, self._lock = _take_number()
        self._bridge = f"test-{self._number}"
        self._hosts = 1
        self.address = f"198.18.{self._number}.1"
        self._clear()
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("address", "add", f"{self.address}/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")

    def host(self) -> Host:
        """One more host."""
        assert self._hosts < MOST_HOSTS
        self._hosts += 1
        host = Host(self._number, self._hosts)
        host.add(self._bridge)
        return host

    def remove(self) -> None:
        self._clear()
        self._lock.close()

    def _clear(self) -> None:
        ours = re.compile(rf"^(?:\d+: )?({self._bridge}(?:-\d+)?)\b", re.MULTILINE)
        for namespace in ours.findall(_ip("netns", "list")):
            _ip("netns", "delete", namespace)
        # a namespace takes its links along a moment later, unless they are deleted before
        for link in ours.findall(_ip("-oneline", "link", "show")):
            subprocess.run(["ip", "link", "delete", link], capture_output=True)


def _take_number() -> tuple[int, IO[str]]:
    for number in range(MOST_NETWORKS):
        lock = (Path(tempfile.gettempdir()) / f"test-network-{number}.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
        else:
            return number, lock
    raise RuntimeError("all networks are in use")


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
    return done.stdout
