"""An application of one process, for tests of stopping."""

from __future__ import annotations

from pathlib import Path
from time import monotonic

from tests.support.program import Program, write_application

PROCESS = """
namespace: app
entries:
  - name: host
    kind: process.host
    lifecycle: {auto_start: true, stop_timeout: 300ms}
  - {name: main, kind: process.python, source: file://main.py, modules: [process, logger]}
  - name: service
    kind: process.service
    process: main
    host: host
    TYPE
    lifecycle: {auto_start: true, start_timeout: 5s, stop_timeout: 300ms}
"""
IDLE = "import asyncio\nasync def main():\n    await asyncio.sleep(60)\n"


def application(folder: Path, main: str, type: str = "simple") -> Path:
    manifest = PROCESS.replace("TYPE", f"type: {type}")
    return write_application(folder, manifest, **{"main.py": main})


def ended_within(program: Program, seconds: float) -> int:
    began = monotonic()
    code = program.wait()
    assert monotonic() - began < seconds
    assert "Traceback" not in program.stderr
    return code
