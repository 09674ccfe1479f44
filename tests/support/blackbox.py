"""A served application from outside: what its port answers, and what its log says."""

from __future__ import annotations

import http.client
import json
import re
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tests.support.program import SOON, Line, Program
from tests.support.program import running as running_program

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
APPS = ROOT / "tests" / "support" / "apps"
EXAMPLE = ROOT / "examples" / "task-queue"
FREE_PORT = "app:gateway:addr=127.0.0.1:0"


def eventually(condition: Callable[[], T], within: float = SOON) -> T:
    """The result of `condition`, as soon as it is true."""
    pause = threading.Event()
    deadline = monotonic() + within
    while not (result := condition()):
        assert monotonic() < deadline, f"not so within {within:g} s: {result!r}"
        pause.wait(0.01)
    return result


def write_files(folder: Path, files: Mapping[str, str]) -> Path:
    """Write the files, dedented, and return the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return folder


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of the server."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask_once(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | str | None,
    headers: Mapping[str, str],
) -> Reply:
    """The one request of a connection."""
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read())
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that ended by itself."""

    code: int
    out: str
    err: str
    seconds: float


def execute(*arguments: str, within: float = SOON, **options: Any) -> Ended:
    """Run `runtime` with these arguments until it ends."""
    began = monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "runtime", *arguments],
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
        **options,
    )
    return Ended(done.returncode, done.stdout, done.stderr, monotonic() - began)


class Site:
    """A running program whose first server is asked over HTTP."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.stop, self.wait, self.signal = program.stop, program.wait, program.signal
        ready = program.wait_for(lambda line: re.match("ready in .*http", line["message"]))
        self.address: str = ready["message"].partition(": ")[2].partition(",")[0]
        """`http://127.0.0.1:40123`"""

    @property
    def port(self) -> int:
        port = urlsplit(self.address).port
        assert port is not None
        return port

    def lines(self, pattern: str) -> list[Line]:
        """The events so far whose message has that pattern in it."""
        return [line for line in [*self.program.log] if re.search(pattern, line["message"])]

    def line(self, pattern: str) -> Line:
        """The first event whose message has that pattern in it, waited for."""
        return self.program.wait_for(lambda line: re.search(pattern, line["message"]))

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] = {},
    ) -> Reply:
        """One request on a connection of its own. A body that is no text goes out as JSON."""
        if body is not None and not isinstance(body, str | bytes):
            body = json.dumps(body)
        data = body.encode() if isinstance(body, str) else body
        return ask_once(self._connect(), method, path, data, headers)

    def ask_many(self, requests: list[tuple[Any, ...]], at_once: int = 32) -> list[Reply]:
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(lambda request: self.ask(*request), requests))

    def _connect(self) -> http.client.HTTPConnection:
        address = urlsplit(self.address)
        host, port = address.hostname or "", address.port
        if address.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=SOON)
        trusting = ssl.create_default_context()
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(host, port, timeout=SOON, context=trusting)


@contextmanager
def running(folder: Path, *options: str, env: dict[str, str] | None = None) -> Iterator[Site]:
    """A site once it is ready, ended in any case. An option with an `=` is an override."""
    spelled = [part for option in options for part in _spelled(option)]
    with running_program(folder, *spelled, env=env) as program:
        yield Site(program)


def _spelled(option: str) -> list[str]:
    return ["-o", option] if "=" in option and not option.startswith("-") else [option]
