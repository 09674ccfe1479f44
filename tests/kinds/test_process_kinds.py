"""Kinds of processes: one from another package runs under process.service like our own."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.blackbox import execute, write_files
from tests.support.program import running

FILES = {
    "site/acme_shell.py": """
        import asyncio

        import msgspec

        from runtime.kind import Kind

        SCHEMA = {
            "type": "object",
            "additionalProperties": False,
            "required": ["name", "kind", "command"],
            "properties": {
                "name": {"type": "string"},
                "kind": {"const": "process.shell"},
                "meta": {"type": "object"},
                "command": {"type": "string"},
                "source": {"type": "string", "description": "A script, and no Python."},
            },
        }


        class Config(msgspec.Struct, kw_only=True):
            command: str


        class Shell:
            blocking = False

            def __init__(self, config, context):
                self._command = config.command

            async def call(self, run, *arguments):
                command = [self._command, *arguments, f"run {run.number}"]
                return await (await asyncio.create_subprocess_exec(*command)).wait()


        kind = Kind("process.shell", Config, Shell, schema=SCHEMA)
    """,
    "site/acme_shell-1.0.dist-info/METADATA": """
        Metadata-Version: 2.1
        Name: acme-shell
        Version: 1.0
    """,
    "site/acme_shell-1.0.dist-info/entry_points.txt": """
        [runtime.kinds]
        process.shell = acme_shell:kind
    """,
    "app/_index.yaml": """
        namespace: app
        entries:
          - {name: host, kind: process.host}
          - {name: greet, kind: process.shell, command: echo, source: file://greet.sh}
          - name: greet.service
            kind: process.service
            process: greet
            host: host
            type: oneshot
            input: [hello]
            lifecycle: {auto_start: true}
    """,
}


def test_a_process_of_a_kind_from_another_package_runs(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}

    ended = execute("validate", str(tmp_path / "app"), env=env)
    with running(tmp_path / "app", env=env) as program:
        program.wait_for("app:greet.service has ended")
        assert program.stop() == 0

    assert ended.code == 0, ended.out
    assert program.stdout == "hello run 1\n"
