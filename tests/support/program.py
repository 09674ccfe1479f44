"""The real program in a process of its own: started, observed by its log, signalled, ended."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Line = dict[str, Any]

SOON = 30.0
"""Seconds after which a test gives up; no test needs them unless something is broken."""

MARK = """
import runtime.program.signals, sys
install = runtime.program.signals.Signals.install
def told(self):
    install(self)
    print("here", flush=True)
runtime.program.signals.Signals.install = told
"""
"""Python in front of the program that prints `here` once its signal handlers are installed."""

PLAIN_LOOP = "import sys; sys.modules['uvloop'] = None\n"
"""Python in front of the program that leaves it without uvloop."""


def write_application(folder: Path, manifest: str, **files: str) -> Path:
    """Write `_index.yaml` and the given files into a folder; `/` may stand in a file's name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "_index.yaml").write_text(manifest, encoding="utf-8")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


class Program:
    """One running `runtime`. Its JSON log lines are in `log`, all that it wrote in `stderr`."""

    def __init__(self, command: list[str], env: dict[str, str] | None, cwd: Path | None) -> None:
        self.began = time.monotonic()
        self.log: list[Line] = []
        self._text: list[str] = []
        self._out: list[str] = []
        self._news = threading.Condition()
        self._open = 2
        """The number of its two streams that have not ended."""
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(self._process.stderr, self._said)),
            threading.Thread(target=self._read, args=(self._process.stdout, self._printed)),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def stderr(self) -> str:
        with self._news:
            return "".join(self._text)

    @property
    def stdout(self) -> str:
        with self._news:
            return "".join(self._out)

    @property
    def messages(self) -> list[str]:
        with self._news:
            return [line["message"] for line in self.log]

    @property
    def port(self) -> int:
        """The port of the first server, once it is ready."""
        line = self.wait_for(lambda line: re.search(r"on https?://", line["message"]))
        match = re.search(r":(\d+)\b", line["message"].partition("://")[2])
        assert match, line
        return int(match[1])

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def wait_for(self, wanted: Callable[[Line], Any] | str, limit: float = SOON) -> Line:
        """The first log line that `wanted` accepts, or whose message has that text in it."""
        accepts = wanted if callable(wanted) else lambda line: wanted in line["message"]

        def found() -> Line | None:
            return next((line for line in self.log if accepts(line)), None)

        return self._wait(found, limit)

    def wait_for_output(self, text: str, limit: float = SOON) -> None:
        """Return once the program has printed `text` on stdout."""
        self._wait(lambda: text in "".join(self._out), limit)

    def signal(self, number: int) -> None:
        # the program may be gone already, which is what some tests are about
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def wait(self, limit: float = SOON) -> int:
        """The exit code, once the program has ended and all its output is read."""
        try:
            code = self._process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it runs after {limit:g} s; stderr:\n{self.stderr}") from None
        for reader in self._readers:
            reader.join(limit)
            assert not reader.is_alive(), "an orphan of the program keeps its output open"
        return code

    def stop(self, limit: float = SOON) -> int:
        """SIGTERM, and the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(limit)

    def kill(self) -> None:
        """Kill it, and all processes left in its session."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(SOON)
        for reader in self._readers:
            reader.join(SOON)
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()

    def _wait(self, found: Callable[[], Any], limit: float) -> Any:
        with self._news:
            if not self._news.wait_for(lambda: found() or not self._open, limit):
                raise AssertionError(f"not seen within {limit} s; stderr:\n{''.join(self._text)}")
            result = found()
        assert result, f"the program ended first; stderr:\n{''.join(self._text)}"
        return result

    def _read(self, stream: Any, take: Callable[[str], None]) -> None:
        for line in stream:
            with self._news:
                take(line.decode("utf-8", "replace"))
                self._news.notify_all()
        with self._news:
            self._open -= 1
            self._news.notify_all()

    def _said(self, text: str) -> None:
        self._text.append(text)
        with contextlib.suppress(ValueError):
            event = json.loads(text)
            if isinstance(event, dict):
                self.log.append(event)

    def _printed(self, text: str) -> None:
        self._out.append(text)


def start(
    folder: Path | str,
    *options: str,
    before: str = "",
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    inside: list[str] | None = None,
) -> Program:
    """Start `runtime run FOLDER OPTIONS`.

    `before` is Python that runs first in the same process; `inside` is a command to start it with,
    such as `unshare`.
    """
    program = f"{before}\nimport runtime.__main__\nruntime.__main__.main()"
    entry = ["-c", program] if before else ["-m", "runtime"]
    command = [*(inside or []), sys.executable, *entry, "run", str(folder), *options]
    return Program(command, env, cwd)


@contextlib.contextmanager
def running(
    folder: Path | str,
    *options: str,
    ready: bool = True,
    before: str = "",
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    inside: list[str] | None = None,
) -> Iterator[Program]:
    """A running program, by default once it says that it is ready; killed in the end."""
    program = start(folder, *options, before=before, env=env, cwd=cwd, inside=inside)
    try:
        if ready:
            program.wait_for(lambda line: line["message"].startswith("ready in"))
        yield program
    finally:
        program.kill()


def unshare_works() -> bool:
    """True if a new PID namespace may be made here."""
    command = ["unshare", "--pid", "--fork", "--mount-proc", "true"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
