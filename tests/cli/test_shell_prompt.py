"""runtime shell at a terminal: a real one, with keys."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.commands import application
from tests.support.program import SOON

CTRL_C, CTRL_D = "\x03", "\x04"


class Terminal:
    def __init__(self, folder: Path) -> None:
        self._keys, inner = pty.openpty()
        command = [sys.executable, "-m", "runtime", "shell", str(folder)]
        command += ["-o", "app:absent:file=b.db"]
        self.process = subprocess.Popen(
            command,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(inner)
        self.text = ""

    def type(self, keys: str) -> None:
        os.write(self._keys, keys.encode())

    def wait_for(self, text: str) -> None:
        """Read until `text` is there, and forget all up to it."""
        while text not in self.text:
            readable, _, _ = select.select([self._keys], [], [], SOON)
            assert readable, f"not seen within {SOON} s: {text!r}, but {self.text!r}"
            self.text += os.read(self._keys, 1000).decode()
        self.text = self.text.partition(text)[2]

    def close(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(SOON)
        os.close(self._keys)


def _take_terminal() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # which a program in the background ignores
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(application(tmp_path))
    opened.wait_for(">>> ")
    yield opened
    opened.close()


def test_statements_are_run_and_their_values_shown(terminal: Terminal) -> None:
    terminal.type("rows = await sql.get('db').query('SELECT 41 + 1 AS n')\n")
    terminal.wait_for(">>> ")
    terminal.type("rows[0]['n'] * 2\n")
    terminal.wait_for("84")
    terminal.type("1 / 0\n")
    terminal.wait_for("ZeroDivisionError")
    terminal.wait_for(">>> ")
    terminal.type(CTRL_D)

    assert terminal.process.wait(SOON) == 0


def test_ctrl_c_interrupts_a_statement_and_not_the_shell(terminal: Terminal) -> None:
    terminal.type("import asyncio\n")
    terminal.wait_for(">>> ")
    terminal.type("print('be' + 'gun'); await asyncio.sleep(3600)\n")
    terminal.wait_for("begun")
    terminal.type(CTRL_C)
    terminal.wait_for("KeyboardInterrupt")
    terminal.wait_for(">>> ")
    terminal.type("exit(3)\n")

    assert terminal.process.wait(SOON) == 3


def test_an_interrupt_that_another_thread_took_ends_the_wait(terminal: Terminal) -> None:
    """As one that comes just before the wait, it interrupts no call."""
    terminal.type("import asyncio, signal, threading\n")
    terminal.wait_for(">>> ")
    terminal.type("async def interrupt():\n")
    terminal.type("    signal.pthread_kill(threading.get_ident(), signal.SIGINT)\n")
    terminal.type("    await asyncio.sleep(3600)\n\n")
    terminal.wait_for("\r\n>>> ")
    terminal.type("await interrupt()\n")
    terminal.wait_for("\nKeyboardInterrupt")
    terminal.wait_for(">>> ")
    terminal.type("exit(3)\n")

    assert terminal.process.wait(SOON) == 3
