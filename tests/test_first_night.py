"""docs/first-night.md, walked from its first line to its last by real programs."""

from __future__ import annotations

import html
import os
import re
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.blackbox import ROOT, eventually
from tests.support.doc_examples import Step, commands, steps
from tests.support.doc_serving import DIRECT, run_line
from tests.support.managing import sockets_folder
from tests.support.program import SOON
from tests.support.terminal import TerminalProgram

PAGE = ROOT / "docs" / "first-night.md"
ANYWHERE = {"PORT": "0", "RUNTIME_MANAGEMENT": "127.0.0.1:0", "NO_COLOR": "1", "no_proxy": "*"}


class Walk:
    """Two terminals in one folder."""

    def __init__(self, folder: Path, sockets: dict[str, str]) -> None:
        self._folder = folder
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._env = {**os.environ, **ANYWHERE, **sockets, "PATH": path}
        self._first: TerminalProgram | None = None
        self._read = 0
        """How much of the first terminal has been read."""

    def take(self, step: Step) -> None:
        place = f"docs/first-night.md:{step.line}"
        match (step.action, *step.argument.split(maxsplit=1)):
            case ("save", *_):
                self._save(step.argument)
            case ("walk", "start"):
                (command,) = commands(step.text)
                self._start(command.words[1:])
            case ("walk", "kill"):
                self.end()
            case ("walk", "log"):
                for line in step.text.splitlines():
                    self._hear(line, place)
            case ("walk", "page", path):
                page = html.unescape(
                    httpx.get(self._told("management: ") + path, timeout=SOON).text
                )
                for line in step.text.splitlines():
                    assert line in page, place
            case ("walk",):
                for command in commands(step.text):
                    where = {DIRECT: f"{self._told('app:gateway is running on ')}/"}
                    run_line(command, self._folder, where, self._env, place)

    def end(self) -> None:
        """Kill the program in the first terminal."""
        if self._first is not None:
            self._first.kill()
            self._first = None

    def _save(self, argument: str) -> None:
        """As editors do it: the new file takes the place of the old one at once."""
        path, old, new = argument.split(" | ")
        file = self._folder / path
        text = file.read_text(encoding="utf-8")
        assert old in text, argument
        beside = file.with_name(f".{file.name}.new")
        beside.write_text(text.replace(old, new.replace("\\n", "\n")), encoding="utf-8")
        beside.rename(file)

    def _start(self, words: list[str]) -> None:
        words[1] = str(self._folder / words[1])
        self._first = TerminalProgram(*words, env=self._env)
        self._read = 0
        self._first.wait_for("management: http")

    def _hear(self, line: str, place: str) -> None:
        """The line, in what the first terminal has not been read of."""
        pattern = re.compile(".*".join(re.escape(part) for part in line.split("…")))

        def found() -> re.Match[str] | None:
            return pattern.search(self._shown, self._read)

        try:
            match = eventually(found, SOON)
        except AssertionError:
            pytest.fail(f"{place}: {line!r} is not in\n{self._shown[self._read :]}")
        assert match is not None
        self._read = match.end()

    def _told(self, before: str) -> str:
        """The address that the first terminal shows, or none if nothing runs."""
        found = re.findall(re.escape(before) + r"(http://127\.0\.0\.1:\d+)", self._shown)
        return found[-1] if found else DIRECT.rstrip("/")

    @property
    def _shown(self) -> str:
        return "" if self._first is None else self._first.shown


def test_the_first_night_is_as_the_page_tells_it(tmp_path: Path) -> None:
    with sockets_folder() as sockets:
        walk = Walk(tmp_path, sockets)
        try:
            for step in steps(PAGE):
                walk.take(step)
        finally:
            walk.end()
