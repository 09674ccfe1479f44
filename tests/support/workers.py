"""Applications with several workers, and their processes as the log names them."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

from tests.support.blackbox import eventually
from tests.support.program import Program, write_application

SERVER = """
namespace: app
entries:
  - name: gateway
    kind: http.service
    addr: "127.0.0.1:PORT"
    lifecycle: {auto_start: true, stop_timeout: 300ms}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: answer}
  - name: answer
    kind: function.python
    source: file://h.py
    method: answer
    modules: [process, registry]
"""
ONCE = """
  - {name: host, kind: process.host}
  - {name: main, kind: process.python, source: file://h.py, method: main, modules: [process]}
  - name: once
    kind: process.service
    process: main
    host: host
    type: TYPE
    lifecycle: {auto_start: true, stop_timeout: 300ms, restart: {max_attempts: 1}}
"""
ANSWER = "async def answer():\n    return 'here'\n"


def application(folder: Path, main: str = "", type: str = "oneshot", port: int = 0) -> Path:
    """One server, and a process if there is code for it."""
    manifest = SERVER.replace("PORT", str(port)) + (ONCE.replace("TYPE", type) if main else "")
    return write_application(folder, manifest, **{"h.py": f"{ANSWER}\n{main}"})


def pids(program: Program) -> dict[int, int]:
    """The newest process of each worker that has been ready."""
    found = {}
    for text in program.messages:
        if match := re.match(r"worker (\d+) \(pid (\d+)\) is (?:running|back)", text):
            found[int(match[1])] = int(match[2])
    return found


def kill(program: Program, number: int) -> None:
    """End a worker by SIGKILL, and return once its place is taken again."""
    before = pids(program)[number]
    os.kill(before, signal.SIGKILL)
    program.wait_for(f"worker {number} (pid {before}) was ended by SIGKILL; it is replaced in")
    eventually(lambda: pids(program)[number] != before, within=20)


def no_surprise(program: Program) -> None:
    assert "Traceback" not in program.stderr
    assert not [line for line in program.log if "error" in line]


def count(program: Program, text: str) -> int:
    return sum(text in message for message in program.messages)
