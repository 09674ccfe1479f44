"""CodeReader: follows the code of a handler through the application's own files."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from runtime.linking.code.file import CodeFile, Part, Use
from runtime.linking.code.scope import FunctionNode
from runtime.linking.imports import imported_files

_MOST_IMPORTS = 10


class HandlerCode(msgspec.Struct, frozen=True):
    """The code that a handler may run: the ids that it names, and the files that hold it."""

    uses: list[Use]
    entries: list[Use]
    """Those that the annotations of its parameters name: certain to be needed."""
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

    def own(self, path: Path, function: str) -> tuple[CodeFile, FunctionNode] | None:
        """A function of that name in a file, or in the file that it is imported from."""
        for _ in range(_MOST_IMPORTS):
            file = self.file(path)
            if file is None:
                return None
            if (node := file.function(function)) is not None:
                return file, node
            imported = file.imported(function)
            found = [*self.targets(path, imported)] if imported else []
            named = next(((other, name) for other, name in found if name is not None), None)
            if named is None:
                return None
            path, function = named
        return None

    def _collect(self, path: Path, function: str) -> HandlerCode:
        files: dict[Path, CodeFile] = {}
        reached = [*self._reached([(path, function)], files)]
        uses = [use for _, part in reached for use in part.uses]
        expects_absence = any(part.expects_absence for _, part in reached)
        return HandlerCode(uses, self._entries(reached), [*files.values()], expects_absence)

    def _entries(self, reached: list[tuple[Path, Part]]) -> list[Use]:
        """The entries that the parameters of the first function name, perhaps by another name."""
        for path, part in reached:
            if part.parameters is not None:
                read = part.parameters.reads
                starts = [target for name in read for target in self.targets(path, name)]
                types = [types for _, types in self._reached(starts, {}, names_only=True)]
                return [use for each in (part.parameters, *types) for use in each.entries]
            if not part.is_name:
                break
        return []

    def _reached(
        self,
        starts: list[tuple[Path, str | None]],
        files: dict[Path, CodeFile],
        *,
        names_only: bool = False,
    ) -> Iterator[tuple[Path, Part]]:
        """The parts at these places and all that they read; adds their files."""
        waiting = [*starts]
        seen = {*waiting}
        while waiting:
            path, name = waiting.pop()
            file = self.file(path)
            if file is None:
                continue
            files[path] = file
            for part in file.parts.values() if name is None else _of(file, name):
                if names_only and not part.is_name:
                    continue
                yield path, part
                annotations = part.parameters.reads if part.parameters else set()
                for read in part.reads | annotations:
                    for target in self.targets(path, read):
                        if target not in seen:
                            seen.add(target)
                            waiting.append(target)

    def targets(self, path: Path, read: str) -> Iterable[tuple[Path, str | None]]:
        """The files that a name or a relative import may lead to, each with the name there."""
        if not read.startswith("."):
            return [(path, read)]
        return imported_files(path, read, self._application)


def _of(file: CodeFile, name: str) -> Iterator[Part]:
    """The part of that name; a name that is imported from elsewhere leads on."""
    if name in file.parts:
        yield file.parts[name]
    elif imported := file.imported(name):
        yield Part(reads={imported}, is_name=True)
