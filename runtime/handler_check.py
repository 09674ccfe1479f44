"""HandlerCheck: does an entry's `source` and `method` lead to a function that can be called."""

from __future__ import annotations

from pathlib import Path

from runtime.entry import Entry
from runtime.finding import Finding
from runtime.inspection import (
    HandlerFile,
    Misplaced,
    Signature,
    inspect,
    known_modules,
    locate,
    own_modules,
    position,
)
from runtime.kind import Arguments
from runtime.suggestion import near

DEFAULT_METHOD = "main"


class HandlerCheck:
    """Checks every entry that names a handler, and tells its findings to a list."""

    def __init__(self, application: Path, findings: list[Finding]) -> None:
        self._application = application
        self._findings = findings

    def check(self, entry: Entry) -> None:
        """File, function and modules of one entry whose kind has a `source`."""
        source = entry.fields.get("source")
        if not isinstance(source, str) or "://" not in source:
            return  # the schema has told
        self._listed_modules(entry)
        try:
            file = locate(source, entry.folder, self._application)
        except Misplaced as error:
            folder = (entry.folder / source.partition("://")[2]).parent
            hint = error.hint or _near_file(source, folder)
            self._found(entry, "source", str(error), hint)
            return
        if file is None:
            return
        content = inspect(file)
        if content.fault:
            message, line, column = content.fault
            place = position(file, line, column)
            self._findings.append(Finding(place, f"not valid Python: {message}"))
            return
        self._method(entry, content, source)
        self._imports(entry, content, file)

    def arguments(self, caller: Entry, target: Entry, rule: Arguments) -> None:
        """Whether the handler of `target` takes what `caller` will pass."""
        signature = self._signature(target)
        if signature is None:
            return
        field = "method" if "method" in target.fields else "source"
        takes = _takes(signature)
        who = f"{rule.caller} ('{caller.id}')"
        method = target.fields.get("method", DEFAULT_METHOD)
        if signature.keywords:
            names = ", ".join(signature.keywords)
            message = f"'{method}' needs '{names}' by keyword, but {who} passes none"
            self._found(target, field, message, "give it a default")
        elif signature.least > rule.most or (
            signature.most is not None and signature.most < rule.least
        ):
            passes = _count(rule.least if signature.most is not None else rule.most)
            message = f"'{method}' takes {takes}, but {who} passes {passes}"
            self._found(target, field, message)

    def _signature(self, entry: Entry) -> Signature | None:
        file = locate(entry.fields["source"], entry.folder, self._application)
        if file is None:
            return None
        return inspect(file).functions.get(entry.fields.get("method", DEFAULT_METHOD))

    def _method(self, entry: Entry, content: HandlerFile, source: str) -> None:
        method = entry.fields.get("method", DEFAULT_METHOD)
        if not isinstance(method, str) or content.opaque:
            return
        if method not in content.functions and method not in content.names:
            known = [*content.functions, *content.names]
            field = "method" if "method" in entry.fields else "source"
            hint = near(method, known)
            if hint is None and len(content.functions) == 1:
                hint = f"write 'method: {next(iter(content.functions))}'"
            name = source.partition("://")[2]
            self._found(entry, field, f"no function '{method}' in '{name}'", hint)

    def _imports(self, entry: Entry, content: HandlerFile, file: Path) -> None:
        listed = entry.fields.get("modules", [])
        if not isinstance(listed, list):
            return
        for name, line, column in content.imports:
            place = position(file, line, column)
            if name not in known_modules():
                hint = near(name, known_modules())
                self._findings.append(Finding(place, f"no module '{name}' in the runtime", hint))
            elif name not in listed:
                where = entry.at("modules") if "modules" in entry.fields else entry.position
                message = f"module '{name}' is imported, but '{entry.id}' does not list it"
                hint = f"add it to 'modules' at {where}"
                self._findings.append(Finding(place, message, hint))

    def _listed_modules(self, entry: Entry) -> None:
        listed = entry.fields.get("modules", [])
        for index, name in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(name, str) and name not in known_modules():
                hint = near(name, own_modules()) or near(name, known_modules())
                hint = hint or "installed packages need not be listed"
                message = f"unknown module '{name}'"
                self._findings.append(Finding(entry.at("modules", index), message, hint))

    def _found(self, entry: Entry, field: str, message: str, hint: str | None = None) -> None:
        self._findings.append(Finding(entry.at(field), message, hint))


def _near_file(source: str, folder: Path) -> str | None:
    name = source.rpartition("/")[2]
    if not folder.is_dir():
        return None
    files = [path.name for path in folder.iterdir() if path.suffix == ".py"]
    return near(name, files)


def _takes(signature: Signature) -> str:
    if signature.most is None:
        return f"{signature.least} or more arguments"
    if signature.least == signature.most:
        return _count(signature.most)
    return f"{signature.least} to {signature.most} arguments"


def _count(number: int) -> str:
    return {0: "no argument", 1: "one argument"}.get(number, f"{number} arguments")
