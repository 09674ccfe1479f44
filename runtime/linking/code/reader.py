"""CodeReader: follows the code of a handler through the application's own files."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from runtime.linking.code.file import CodeFile, Part, Use


class HandlerCode(msgspec.Struct, frozen=True):
    """The code that a handler may run: the ids that it names, and the files that hold it."""

    uses: list[Use]
    files: list[CodeFile]
    expects_absence: bool


class CodeReader:
    """Reads each file once. `parse` returns None for a file that is not valid Python."""

    def __init__(self, application: Path, parse: Callable[[Path], ast.Module | None]) -> None:
        self._application = application.resolve()
        self._parse = parse
        self._files: dict[Path, CodeFile | None] = {}
        self._codes: dict[tuple[Path, str], HandlerCode] = {}

    def file(self, path: Path) -> CodeFile | None:
        if path not in self._files:
            self._files[path] = None
            module = self._parse(path)
            if module is not None:
                self._files[path] = CodeFile(path, module)
        return self._files[path]

    def code(self, path: Path, function: str) -> HandlerCode:
        """The code that a function of a file reaches by name, as far as relative imports lead."""
        key = (path, function)
        if key not in self._codes:
            self._codes[key] = self._collect(path, function)
        return self._codes[key]

    def _collect(self, path: Path, function: str) -> HandlerCode:
        waiting: list[tuple[Path, str | None]] = [(path, function)]
        seen = {*waiting}
        parts: list[Part] = []
        files: dict[Path, CodeFile] = {}
        while waiting:
            path, name = waiting.pop()
            file = self.file(path)
            if file is None:
                continue
            files[path] = file
            for part in file.parts.values() if name is None else _of(file, name):
                parts.append(part)
                for read in part.reads:
                    for target in self._targets(path, read):
                        if target not in seen:
                            seen.add(target)
                            waiting.append(target)
        uses = [use for part in parts for use in part.uses]
        return HandlerCode(uses, [*files.values()], any(part.expects_absence for part in parts))

    def _targets(self, path: Path, read: str) -> Iterator[tuple[Path, str | None]]:
        if not read.startswith("."):
            yield path, read
            return
        names = read.lstrip(".")
        folder = path
        for _ in range(len(read) - len(names)):
            folder = folder.parent
        steps = [step for step in names.split(".") if step]
        for index, step in enumerate(steps):
            rest = steps[index + 1] if index + 1 < len(steps) else None
            yield from self._existing(folder / "__init__.py", step)
            yield from self._existing(folder / f"{step}.py", rest)
            folder /= step

    def _existing(self, file: Path, name: str | None) -> Iterator[tuple[Path, str | None]]:
        """The file if it is one of the application's."""
        try:
            if file.is_file() and file.resolve().is_relative_to(self._application):
                yield file, name
        except (OSError, RuntimeError):  # a name too long, a cycle of links
            return


def _of(file: CodeFile, name: str) -> Iterator[Part]:
    """The part of that name; a name that is imported from elsewhere leads on."""
    if name in file.parts:
        yield file.parts[name]
    elif imported := file.imported(name):
        yield Part(reads={imported})
