"""Command: a program of any language as a service: started, watched, stopped, never left behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from runtime.engines.command.lines import read_lines
from runtime.exit_codes import describe_end
from runtime.handlers.parent import ending_with
from runtime.loggers import logger
from runtime.service import Ready, StartError

_KNOCK = 0.1
"""Seconds between two attempts to reach the program's port."""
_LAST_WORDS = 1.0
"""Seconds in which output is still read after the program has ended: another may hold its pipe."""

log = logger("runtime.process")


class Readiness(msgspec.Struct, frozen=True):
    """The sign by which others know that they may rely on the program; without any, its start."""

    line: str | None
    """A regular expression for a line of its output."""
    port: int | None
    """A port of this machine that it listens on."""
    host: str


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A program and the surroundings that it is started in."""

    argv: Sequence[str]
    directory: Path
    environment: Mapping[str, str]
    """All of it: nothing is inherited beside."""
    stop_signal: int
    oneshot: bool
    readiness: Readiness


class Command:
    """Runs the program in a process group of its own, which ends with it, and with us."""

    def __init__(self, id: str, program: Program) -> None:
        self._id = id
        self._extra = {"entry": id}
        self._program = program
        line = program.readiness.line
        self._ready_line = None if line is None else re.compile(line)
        self.pid: int | None = None

    async def run(self, ready: Ready, stop: asyncio.Event) -> int:
        program = self._program
        process = await self._start()
        self.pid = process.pid
        said = asyncio.Event()
        reading = self._read(process, said)
        ended = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(stop.wait())
        starting = asyncio.create_task(self._readiness(said))
        try:
            if not program.oneshot:
                await _first(ended, stopping, starting)
                if starting.done() and not ended.done():
                    ready(self._where())
            await _first(ended, stopping)
            if not ended.done():
                with suppress(ProcessLookupError):
                    process.send_signal(program.stop_signal)
                await asyncio.wait({ended})
            return self._outcome(ended.result(), stop.is_set())
        finally:
            for task in (stopping, starting):
                task.cancel()
            # Its children too, which may hold a port or a file that the next run needs.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            self.pid = None
            await asyncio.wait({ended, *reading}, timeout=_LAST_WORDS)
            for task in reading:
                task.cancel()

    def _read(
        self, process: asyncio.subprocess.Process, said: asyncio.Event
    ) -> list[asyncio.Task[None]]:
        """Begin to log its output."""
        tasks = []
        for stream, name in ((process.stdout, "stdout"), (process.stderr, "stderr")):
            assert stream is not None
            take = partial(self._log, said, name)
            tasks.append(asyncio.create_task(read_lines(stream, take)))
        return tasks

    async def _start(self) -> asyncio.subprocess.Process:
        program = self._program
        name = program.argv[0]
        try:
            return await asyncio.create_subprocess_exec(
                *program.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=program.directory,
                env=program.environment,
                start_new_session=True,
                preexec_fn=ending_with(os.getpid()) if sys.platform == "linux" else None,
            )
        except FileNotFoundError:
            if not program.directory.is_dir():
                raise StartError(f"no folder '{program.directory}'") from None
            hint = "install it, or write its path" if "/" not in name else "correct its path"
            raise StartError(f"no program '{name}'; {hint}") from None
        except PermissionError:
            raise StartError(f"'{name}' cannot be executed; make it executable") from None
        except OSError as error:
            raise StartError(f"'{name}' cannot be started: {error.strerror}") from None

    async def _readiness(self, said: asyncio.Event) -> None:
        readiness = self._program.readiness
        if readiness.line is not None:
            await said.wait()
        while readiness.port is not None:
            try:
                _, writer = await asyncio.open_connection(readiness.host, readiness.port)
            except OSError:
                await asyncio.sleep(_KNOCK)
                continue
            writer.close()
            return

    def _where(self) -> str:
        readiness = self._program.readiness
        return "" if readiness.port is None else f"{readiness.host}:{readiness.port}"

    def _log(self, said: asyncio.Event, stream: str, line: str) -> None:
        log.info("%s", line, extra={**self._extra, "fields": {"stream": stream}})
        if self._ready_line is not None and self._ready_line.search(line):
            said.set()

    def _outcome(self, code: int, stopping: bool) -> int:
        if stopping:
            return 0
        if code < 0:
            log.error("it %s", describe_end(code), extra=self._extra)
            return 128 - code
        return code


async def _first(*tasks: asyncio.Task[Any]) -> None:
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
