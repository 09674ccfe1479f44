"""HandlerCheck: checks that `source` and `method` of an entry name a callable function."""

from __future__ import annotations

import ast
from pathlib import Path

from runtime.findings.finding import Finding
from runtime.findings.suggestion import did_you_mean
from runtime.kind import Arguments, Factory, Generator, Plain, Sources
from runtime.linking import argument_check
from runtime.linking.code.annotation import AnnotationReader
from runtime.linking.code.parameters import parameters
from runtime.linking.code.reader import CodeReader
from runtime.linking.factory_check import unfit_arguments, yields_again
from runtime.linking.inspection import (
    HandlerFile,
    Signature,
    inspect,
    position,
)
from runtime.linking.location import SourceError, locate
from runtime.linking.module_check import ModuleCheck
from runtime.manifest.entry import Entry

DEFAULT_METHOD = "main"


class HandlerCheck:
    """Checks the handlers of entries, and appends what it finds to a list."""

    def __init__(self, application: Path, findings: list[Finding], notes: list[Finding]) -> None:
        self._application = application
        self._findings = findings
        self._modules = ModuleCheck(application, self.tree, findings, notes)
        self._files: dict[Path, HandlerFile] = {}
        self._located: dict[tuple[str, str], Path | None] = {}
        self.reader = CodeReader(application, self.tree)
        """Reads the code of handlers, each file once."""

    def check(self, entry: Entry) -> bool:
        """Check file, function and modules of an entry with a handler. Returns true if all is well.

        Fields that the schema does not allow are skipped: they are reported already.
        """
        before = len(self._findings)
        source = entry.fields.get("source")
        file = None
        if isinstance(source, str) and source.startswith(("file://", "module://")):
            file = self._source(entry, source) if ("source",) not in entry.unfilled else None
        self._modules.check(entry, file)
        if ("source",) in entry.unfilled:
            return False  # reported already, or allowed
        return len(self._findings) == before

    def function(self, entry: Entry) -> tuple[Path, str] | None:
        """The file and the name of the function of an entry that passed `check`, if it has any."""
        file = self._locate(entry)
        return None if file is None else (file, entry.fields.get("method", DEFAULT_METHOD))

    def tree(self, file: Path) -> ast.Module | None:
        """The syntax of a file; None if it is not valid Python."""
        return self._read(file).tree

    def arguments(self, caller: Entry, target: Entry, rule: Arguments) -> None:
        """Check that the handler of `target`, an entry without findings, fits its `caller`."""
        signature = self._signature(target)
        if signature is None:
            return
        field = _method_field(target)
        who = f"{rule.caller} ('{caller.id}')"
        method = target.as_shown("method", DEFAULT_METHOD)
        self._generator(caller, target, signature, rule.generator, who)
        if rule.is_async and not signature.is_async:
            message = f"'{method}' is a plain 'def', and {who} awaits it"
            self._report(target, field, message, f"write 'async def {method}'")
            return
        if signature.typed and rule.by_annotation:
            if rule.sources is not None:
                self._annotated(caller, target, rule.sources)
            return
        if signature.keywords:
            names = "', '".join(signature.keywords)
            message = f"'{method}' needs '{names}' by keyword, but {who} passes none"
            self._report(target, field, message, "give it a default")
        elif signature.least > rule.most:
            message = f"'{method}' takes {_takes(signature)}, but {who} passes {_count(rule.most)}"
            self._report(target, field, message)
        elif signature.most is not None and signature.most < rule.least:
            message = f"'{method}' takes {_takes(signature)}, but {who} passes {_count(rule.least)}"
            self._report(target, field, message)

    def _generator(
        self, caller: Entry, target: Entry, signature: Signature, rule: Generator, who: str
    ) -> None:
        """Check that the handler of `target` is a generator if, and only if, it is to be one."""
        method = target.as_shown("method", DEFAULT_METHOD)
        if signature.generates is None:
            if rule.wanted:
                message = f"'{rule.wanted}' needs a generator, and '{method}' has no 'yield'"
                hint = f"yield its values, or leave out '{rule.path[0]}'"
                self._findings.append(Finding(caller.at(*rule.path), message, hint))
            return
        file = self._locate(target)
        if file is None or (rule.wanted and signature.is_async):
            return
        place = position(file, *signature.generates)
        if rule.wanted:
            message = f"this 'yield' is in a plain 'def', and '{rule.wanted}' needs an 'async def'"
            self._findings.append(Finding(place, message, f"write 'async def {method}'"))
        else:
            message = f"this 'yield' makes '{method}' a generator, of which {who} would run nothing"
            self._findings.append(Finding(place, message, rule.hint))

    def _annotated(self, caller: Entry, target: Entry, sources: Sources) -> None:
        """Check the annotations of the handler of `target` against what `caller` has for them."""
        file = self._locate(target)
        own = self.reader.own(file, target.fields.get("method", DEFAULT_METHOD)) if file else None
        if own is None:
            return
        code, function = own
        found = parameters(code, function, AnnotationReader(self.reader))
        required = sources.required
        if required and not any(each.annotation.shape == required for each in found):
            message = f"'{function.name}' does not take the {required} of {sources.caller}"
            hint = f"add the parameter '{required}: {argument_check.GIVEN[required]}'"
            self._findings.append(Finding(position(code.path, function.lineno, 1), message, hint))
        for fault in argument_check.faults(found, sources):
            place = position(code.path, fault.node.lineno, fault.node.col_offset + 1)
            finding = Finding(place, fault.message, fault.hint)
            if finding not in self._findings:  # two endpoints may have one function
                self._findings.append(finding)
        if not sources.path_field or function.args.kwarg or code.calls(function, "http.request"):
            return
        for name in argument_check.unread(found, sources):
            message = f"the path has '{name}', which '{function.name}' does not take"
            hint = f"add the parameter '{name}' to the function"
            self._findings.append(Finding(caller.at(*sources.path_field), message, hint))

    def factory(self, entry: Entry, rule: Factory) -> None:
        """Check that the handler of an entry without findings can make what it is to make."""
        file = self._locate(entry)
        if file is None or (tree := self.tree(file)) is None:
            return
        method = entry.fields.get("method", DEFAULT_METHOD)
        for problem in unfit_arguments(tree, method, rule):
            self._findings.append(Finding(entry.at(*problem.path), problem.message, problem.hint))
        if again := yields_again(tree, method):
            message = f"this second 'yield' fails at the stop: '{method}' hands out one value"
            hint = "what follows the first 'yield' is run at the stop"
            self._findings.append(Finding(position(file, *again), message, hint))

    def plain(self, entry: Entry, rule: Plain) -> None:
        """Check that the handler of an entry without findings is a plain `def`."""
        file, method = self._locate(entry), entry.fields.get("method", DEFAULT_METHOD)
        own = self.reader.own(file, method) if file else None
        if own is not None and isinstance(own[1], ast.AsyncFunctionDef):
            code, function = own
            place = position(code.path, function.lineno, function.col_offset + 1)
            message = f"'{method}' is an async function, and {rule.reason}"
            self._findings.append(Finding(place, message, rule.hint))

    def _source(self, entry: Entry, source: str) -> Path | None:
        """Check the file and function that `source` names. Returns the file if it can be read."""
        name = entry.as_shown("source").partition("://")[2] or entry.as_shown("source")
        try:
            file = self._locate(entry)
        except SourceError as error:
            self._report(entry, "source", error.message(name), self._hint(entry, source, error))
            return None
        if file is None:
            return None
        content = self._read(file)
        if content.fault:
            message, line, column = content.fault
            self._findings.append(Finding(position(file, line, column), message))
            return None
        self._method(entry, content, name)
        return file

    def _locate(self, entry: Entry) -> Path | None:
        source: str = entry.fields["source"]
        key = (entry.document.path, source)  # one file may have many functions
        if key not in self._located:
            self._located[key] = locate(source, entry.folder, self._application)
        return self._located[key]

    def _read(self, file: Path) -> HandlerFile:
        if file not in self._files:
            self._files[file] = inspect(file)
        return self._files[file]

    def _hint(self, entry: Entry, source: str, error: SourceError) -> str | None:
        if error.hint or not error.missing or _is_hidden(entry, "source"):
            return error.hint
        wanted = entry.folder / source.partition("://")[2]
        try:
            files = [path.name for path in wanted.parent.iterdir() if _is_handler(path)]
        except OSError:
            return f"no folder '{wanted.parent.name}'" if not wanted.parent.exists() else None
        return did_you_mean(wanted.name, files)

    def _signature(self, entry: Entry) -> Signature | None:
        file = self._locate(entry)
        if file is None:
            return None
        return self._read(file).functions.get(entry.fields.get("method", DEFAULT_METHOD))

    def _method(self, entry: Entry, content: HandlerFile, name: str) -> None:
        method = entry.fields.get("method", DEFAULT_METHOD)
        if not isinstance(method, str) or content.opaque or method in content:
            return
        if ("method",) in entry.unfilled:
            return
        hint = None if _is_hidden(entry, "method") else did_you_mean(method, content.functions)
        if hint is None and len(content.functions) == 1:
            (only,) = content.functions
            is_inline = "name" not in entry.fields
            hint = f"write '#{only}' behind the file" if is_inline else f"write 'method: {only}'"
        message = f"no function '{entry.as_shown('method', DEFAULT_METHOD)}' in '{name}'"
        self._report(entry, _method_field(entry), message, hint)

    def _report(self, entry: Entry, field: str, message: str, hint: str | None = None) -> None:
        self._findings.append(Finding(entry.at(field), message, hint))


def _is_handler(file: Path) -> bool:
    """True for a file that a handler may be in, and not an editor's own."""
    return file.suffix == ".py" and not file.name.startswith(".") and file.is_file()


def _is_hidden(entry: Entry, field: str) -> bool:
    return entry.disclosure.hidden_text((field,)) is not None


def _method_field(entry: Entry) -> str:
    return "method" if "method" in entry.fields else "source"


def _takes(signature: Signature) -> str:
    if signature.most is None:
        return f"{signature.least} or more arguments"
    if signature.least == signature.most:
        return _count(signature.most)
    return f"{signature.least} to {signature.most} arguments"


def _count(number: int) -> str:
    return {0: "no argument", 1: "one argument"}.get(number, f"{number} arguments")
