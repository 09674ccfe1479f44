"""An application of one process, for tests of stopping."""

from __future__ import annotations

from pathlib import Path

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


def patient(folder: Path) -> Path:
    """The application, with an hour for what stops: who ends in a test's time waits for nothing."""
    manifest = folder / "_index.yaml"
    manifest.write_text(manifest.read_text().replace("300ms", "1h"))
    return folder


def ended(program: Program) -> int:
    """The exit code, once it has ended without a traceback."""
    code = program.wait()
    assert "Traceback" not in program.stderr
    return code
