"""Program: an application in a process of its own, which dies as a test wants it to."""

from __future__ import annotations

import http.client
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from runtime import failpoint
from runtime.entry_id import EntryId
from runtime.findings.suggestion import did_you_mean
from runtime.testing.logbook import LogBook, LogLine

_ADDRESS = re.compile(r"is running on (https?://\S+)")
_DEAD = (OSError, http.client.HTTPException)
"""The errors of a client whose server dies."""


class Survived(AssertionError):
    """A program did not die where it should have."""


class Program:
    """`runtime run` on the files of a test. Its log is added to the book."""

    def __init__(
        self,
        folder: Path,
        options: Sequence[str],
        environment: Mapping[str, str],
        at: str | None,
        book: LogBook,
    ) -> None:
        """`at` is the failpoint at which it kills itself. Raises ValueError for an unknown one."""
        if at is not None and at not in failpoint.POINTS:
            hint = did_you_mean(at, failpoint.POINTS) or f"one of {', '.join(failpoint.POINTS)}"
            raise ValueError(f"there is no failpoint '{at}'; {hint}")
        self.addresses: dict[EntryId, str] = {}
        """The URLs of the servers by entry, once it is ready."""
        self._at = at
        self._book = book
        self._ready = threading.Event()
        fault = {"RUNTIME_TESTING": "1", "RUNTIME_FAULT": f"{at}={failpoint.SIGKILL}"} if at else {}
        command = [sys.executable, "-m", "runtime", "run", "--log-format", "json"]
        command += ["--management", "off", *options]
        self._process = subprocess.Popen(
            [*command, str(folder)],
            env={**os.environ, **environment, **fault},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, name="log of a program", daemon=True)
        self._reader.start()

    def die(self, during: Callable[[], object] | None, limit: float) -> None:
        """Call `during` once it is ready, and return when it is dead. Raises Survived."""
        try:
            if during is not None or self._at is None:
                self._ready.wait(limit)  # or dead
                if during is not None:
                    with suppress(*_DEAD):
                        during()
            if self._at is None:
                self._process.send_signal(signal.SIGKILL)
            self._process.wait(limit)
        except subprocess.TimeoutExpired:
            hint = "publish what makes it pass there by 'during=', or while the consumer is paused"
            raise Survived(f"'{self._at}' was not passed within {limit:g} s; {hint}") from None
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()
        if self._process.returncode != -signal.SIGKILL:
            last = self._book.lines[-1].text if self._book.lines else "it logged nothing"
            raise Survived(f"it ended with exit code {self._process.returncode}: {last}")

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self._line(line.rstrip())
        self._ready.set()

    def _line(self, text: str) -> None:
        try:
            event = json.loads(text)
        except ValueError:
            event = {"message": text}
        entry, message = event.get("entry", ""), event["message"]
        if entry and (match := _ADDRESS.search(message)):
            self.addresses[EntryId.parse(entry, "")] = match[1]
        if message.startswith("ready in "):
            self._ready.set()
        head = f"{event.get('time', '')[11:23]} {event.get('level', '')} {message}"
        stack = event.get("error", {}).get("stack", "")
        line = LogLine(
            level=event.get("level", logging.getLevelName(logging.INFO).lower()),
            logger=event.get("logger", ""),
            entry=entry,
            message=message,
            fields=event.get("fields", {}),
            text=f"{head}\n{stack}".rstrip(),
        )
        self._book.lines.append(line)
