"""Load: 64 connections that send requests as fast as they are answered, made by `wrk`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.task import BODY

CONNECTIONS = 64
_SCRIPT = Path(__file__).with_name("post.lua")


@dataclass(frozen=True, slots=True)
class Load:
    """The answers under load; percentiles are in milliseconds."""

    accepted: int
    refused: int
    broken: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Accepted POSTs a second."""
        return self.accepted / self.seconds


def missing() -> str | None:
    """The reason why no load can be made here, or None."""
    if shutil.which("wrk"):
        return None
    return "the load is made by wrk, which is not installed; `apt-get install wrk` brings it"


def post(url: str, seconds: int, pause: int = 0) -> Load:
    """Post tasks; each connection waits for `pause` milliseconds after an answer."""
    return send(url, seconds, body=BODY, pause=pause)


def send(
    url: str,
    seconds: int,
    *,
    method: str = "POST",
    body: str = "",
    headers: Sequence[str] = (),
    pause: int = 0,
) -> Load:
    """Send one request over and over for whole seconds, which is all that wrk takes.

    One thread of wrk is enough for any Python server.
    """
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout=20s"]
    for header in headers:
        command += ["-H", header]
    done = subprocess.run(
        [*command, "--script", str(_SCRIPT), url],
        env={**os.environ, "METHOD": method, "BODY": body, "PAUSE": str(pause)},
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    result = json.loads(line.removeprefix("RESULT "))
    return Load(
        result["requests"] - result["refused"],
        result["refused"],
        result["broken"],
        result["seconds"],
        result["p50"],
        result["p99"],
    )
