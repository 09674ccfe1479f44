"""A program on a terminal of its own, which the test can look at and close."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.support.program import SOON

# The tests themselves may be run under nohup, which a program would inherit. A terminal that closes
# tells the leader of its session.
_BEFORE = """
import fcntl, os, signal, termios
signal.signal(signal.SIGHUP, signal.SIG_DFL)
fcntl.ioctl(2, termios.TIOCSCTTY, 0)
import runtime.__main__
runtime.__main__.main()
"""


class TerminalProgram:
    """One running `runtime` whose standard input and error are a terminal."""

    def __init__(self, *arguments: str, env: dict[str, str] | None = None) -> None:
        self._controller, terminal = pty.openpty()
        self._shown = ""
        self._news = threading.Condition()
        self._is_open = True
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BEFORE, *arguments],
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=terminal,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        os.close(terminal)
        self._closing = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.stdout = ""

    @property
    def shown(self) -> str:
        """All that it has written on the terminal, with its colours."""
        with self._news:
            return self._shown

    def wait_for(self, text: str, count: int = 1) -> None:
        """Return once the terminal shows `text`, so many times."""
        with self._news:
            seen = self._news.wait_for(
                lambda: self._shown.count(text) >= count or not self._is_open, SOON
            )
            shown = self._shown
        assert seen, shown
        assert shown.count(text) >= count, f"not seen; shown:\n{shown}"

    def type(self, text: str) -> None:
        """Write to the terminal as a keyboard does."""
        os.write(self._controller, text.encode())

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def close(self) -> None:
        """Close the terminal, as by closing its window."""
        self._closing.set()
        self._reader.join(SOON)

    def wait(self) -> int:
        """The exit code, once it has ended."""
        out, _ = self._process.communicate(timeout=SOON)
        self.stdout = out.decode()
        return self._process.returncode

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(SOON)
        self.close()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        # Not in a read, which would keep the terminal open.
        while not self._closing.is_set():
            if not select.select([self._controller], [], [], 0.02)[0]:
                continue
            try:
                data = os.read(self._controller, 65536)
            except OSError:  # the program has ended
                break
            with self._news:
                self._shown += data.decode("utf-8", "replace").replace("\r\n", "\n")
                self._news.notify_all()
        os.close(self._controller)
        with self._news:
            self._is_open = False
            self._news.notify_all()


@contextlib.contextmanager
def on_a_terminal(
    folder: Path,
    *options: str,
    command: str = "run",
    ready: bool = True,
    env: dict[str, str] | None = None,
) -> Iterator[TerminalProgram]:
    """A running program on a terminal, by default once it says that it is ready."""
    program = TerminalProgram(command, str(folder), *options, env=env)
    try:
        if ready:
            program.wait_for("ready in")
        yield program
    finally:
        program.kill()
