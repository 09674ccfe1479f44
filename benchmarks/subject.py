"""Subject: a program under test, its start and its address."""

from __future__ import annotations

import ast
import importlib.util
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, sleep

from benchmarks import task
from benchmarks.family import Family

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
SOON = 30.0
"""Seconds after which a program that does not answer has failed."""

UVICORN = (
    "python -m uvicorn {module}:app --host 127.0.0.1 --port {port} "
    "--loop uvloop --http httptools --no-access-log --log-level warning"
)
"""The command that serves the application of every peer."""


class Failed(Exception):
    """A program under test ended, does not answer, or accepts nothing, as the text says."""


def _nothing(folder: Path) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Subject:
    """A program to measure. The first of its `commands` listens on `{port}`.

    `prepare` fills the folder in which they run. Without `works`, a POST is answered and not
    worked on.
    """

    title: str
    place: str
    """`ours`, `limit`, `in process`, `brokered` or `no work`: who it is compared with."""
    commands: Sequence[str]
    prepare: Callable[[Path], None] = _nothing
    works: bool = True
    durable: bool = False
    """True if tasks that wait survive a kill."""
    packages: Sequence[str] = ()
    redis: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that its programs need."""
    commit: str = ""
    """A commit of this repository that `prepare` takes files from."""

    def missing(self) -> str | None:
        """The reason why it cannot be measured here, or None."""
        absent = [name for name in self.packages if importlib.util.find_spec(name) is None]
        if absent:
            return f"no {', '.join(absent)}; pip install -e '.[bench]'"
        if self.redis and shutil.which("redis-server") is None:
            return "no redis-server"
        if self.commit and not _has(self.commit):
            return f"no commit {self.commit[:7]} in this clone"
        return None


class Running:
    """A subject that has answered. `start` is the seconds from exec to that answer."""

    def __init__(self, families: Sequence[Family], folder: Path, port: int, start: float) -> None:
        self.families = families
        self.file = folder / "data" / "tasks.db"
        self.folder = folder
        self.port = port
        self.start = start

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/tasks"

    def cpu(self) -> float:
        """Seconds of processor time of all processes, a broker included."""
        return sum(family.cpu() for family in self.families)

    def rss(self) -> float:
        return sum(family.memory().rss for family in self.families)

    def pss(self) -> float:
        return sum(family.memory().pss for family in self.families)


@contextmanager
def running(subject: Subject) -> Iterator[Running]:
    """Start a subject in its own folder, and end all its processes afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder, port = Path(name), free_port()
        (folder / "data").mkdir()
        subject.prepare(folder)
        env = {task.FILE: str(folder / "data" / "tasks.db"), "PYTHONPATH": str(ROOT)}
        env |= subject.variables
        families: list[Family] = []
        try:
            if subject.redis:
                broker = free_port()
                env["REDIS_URL"] = f"redis://127.0.0.1:{broker}/0"
                families.append(_redis(folder, broker))
            began = perf_counter()
            for command in subject.commands:
                words = [word.format(port=port, folder=folder) for word in command.split()]
                families.append(Family([str(_program(words[0])), *words[1:]], folder, env))
            _until_answered(port, families, folder)
            yield Running(families, folder, port, perf_counter() - began)
        finally:
            for family in reversed(families):
                family.stop()


def peers() -> list[Subject]:
    """Every file of `benchmarks/peers`, read and not imported."""
    files = sorted(Path(__file__).with_name("peers").glob("[!_]*.py"))
    return [_peer(file) for file in files]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def _with_table(folder: Path) -> None:
    """Create a peer's database before its workers start, so that it can be read at once."""
    task.connect(str(folder / "data" / "tasks.db")).close()


def _peer(file: Path) -> Subject:
    declared = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name.isupper():
                declared[name] = ast.literal_eval(node.value)
    web = UVICORN.replace("{module}", f"benchmarks.peers.{file.stem}")
    return Subject(
        declared["TITLE"],
        declared["PLACE"],
        [web, *declared.get("WORKERS", ())],
        _with_table,
        works=declared["PLACE"] != "no work",
        durable=declared.get("DURABLE", False),
        packages=declared["PACKAGES"],
        redis=declared.get("REDIS", False),
    )


def _has(commit: str) -> bool:
    look = ["git", "-C", str(ROOT), "cat-file", "-e", f"{commit}^{{commit}}"]
    return bool(shutil.which("git")) and not subprocess.run(look, capture_output=True).returncode


def _program(name: str) -> Path:
    """A command of this environment."""
    return Path(sys.executable) if name == "python" else BIN / name


def _redis(folder: Path, port: int) -> Family:
    """Start a Redis that keeps nothing on disk, as is common for a broker."""
    options = f"--port {port} --bind 127.0.0.1 --dir {folder} --appendonly no --save".split()
    program = shutil.which("redis-server")
    assert program is not None
    family = Family([program, *options, ""], folder, {})
    _until(lambda: _listens(port), [family], folder)
    return family


def _until_answered(port: int, families: Sequence[Family], folder: Path) -> None:
    _until(lambda: _answers(port), families, folder)


def _until(condition: Callable[[], bool], families: Sequence[Family], folder: Path) -> None:
    deadline = perf_counter() + SOON
    while not condition():
        dead = not all(family.running for family in families)
        if dead or perf_counter() > deadline:
            log = (folder / "log.txt").read_text(errors="replace")[-2000:]
            raise Failed(f"the program {'ended' if dead else 'does not answer'}:\n{log}")
        sleep(0.001)


def until_listens(port: int) -> None:
    """Wait for another port of a program that has answered. Raises Failed."""
    deadline = perf_counter() + SOON
    while not _listens(port):
        if perf_counter() > deadline:
            raise Failed(f"nothing listens on port {port}")
        sleep(0.01)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _answers(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(SOON)
        if client.connect_ex(("127.0.0.1", port)):
            return False
        client.sendall(b"GET /up HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
        return client.recv(4096).startswith(b"HTTP/1.1")
