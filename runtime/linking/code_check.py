"""CodeCheck: checks how the code of handlers uses `runtime.modules`, and which entries it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from runtime.entry_id import EntryId
from runtime.findings.finding import Finding, Level, Note, Problem
from runtime.linking.code.awaiting import Fault
from runtime.linking.code.calls import TOPICS
from runtime.linking.code.file import Use
from runtime.linking.code.reader import HandlerCode
from runtime.linking.handler_check import HandlerCheck
from runtime.linking.inspection import position
from runtime.linking.subscriptions import Subscriptions
from runtime.manifest.entry import Entry

KINDS: Mapping[str, tuple[str, ...]] = {
    "sql": ("db.sql.*",),
    "queue": ("queue.queue", "event.subscriber"),
    "store": ("store.*",),
    "events": ("event.*",),
    "templates": ("template.*",),
    "resource": ("resource.*",),
    "registry": ("*",),
    "auth": ("auth.jwt",),
}
"""The kinds of the entries that the functions of each module name."""

_DATA = "registry"
"""The module whose functions read an entry, and need nothing of it to run."""

Resolve = Callable[[Entry, Use], EntryId | Problem | None]
Missing = Callable[[EntryId, Use], Problem | None]


class CodeCheck:
    """Checks the code of handlers, and appends what it finds to `findings` and `notes`."""

    def __init__(
        self,
        application: Path,
        handlers: HandlerCheck,
        resolve: Resolve,
        missing: Missing,
        subscriptions: Subscriptions,
        findings: list[Finding],
        notes: list[Finding],
    ) -> None:
        self._handlers = handlers
        self._findings = findings
        self._notes = notes
        self._resolve = resolve
        self._missing = missing
        self._subscriptions = subscriptions
        self._reader = handlers.reader
        self._checked: set[Path] = set()

    def uses(self, entry: Entry) -> dict[EntryId, str]:
        """The entries that the handler of `entry` needs by its code, each with the call."""
        function = self._handlers.function(entry)
        if function is None:
            return {}
        code = self._reader.code(*function)
        is_ours = not str(entry.fields["source"]).startswith("module://")
        if is_ours:
            for file in code.files:
                if file.path not in self._checked:
                    self._checked.add(file.path)
                    self._report(file.path, file.faults)
                    self._note(file.path, file.hazards)
            if own := self._reader.file(function[0]):
                self._report(own.path, own.returned(function[1]))
        uses: dict[EntryId, str] = {}
        for use in [*code.entries, *code.uses]:
            if use.callee.name in TOPICS:
                self._publish(use, uses, code, is_ours)
                continue
            match self._resolve(entry, use):
                case Problem() as problem if is_ours:
                    self._unresolved(use, problem, code)
                case EntryId() as id if not use.callee.name.startswith(f"{_DATA}."):
                    uses.setdefault(id, use.callee.name)
                    self._check_capability(id, use)
        return uses

    def _publish(
        self, use: Use, uses: dict[EntryId, str], code: HandlerCode, is_ours: bool
    ) -> None:
        """Add what an event of a known topic needs: the drivers of those that subscribe to it.

        Not the subscribers themselves, which need not run here.
        """
        match self._subscriptions.of(use.id):
            case Note() as note:
                if is_ours:
                    self._unresolved(use, note, code)
            case Problem(message=message, hint=hint):
                if is_ours:
                    self._report(use.file, [Fault(use.node, message, hint or "")])
            case found:
                for subscriber, driver in found:
                    uses.setdefault(driver, use.callee.name)
                    self._check_capability(subscriber, use)

    def _check_capability(self, id: EntryId, use: Use) -> None:
        if missing := self._missing(id, use):
            self._report(use.file, [Fault(use.node, missing.message, missing.hint or "")])

    def _unresolved(self, use: Use, problem: Problem, code: HandlerCode) -> None:
        place = position(use.file, use.node.lineno, use.node.col_offset + 1)
        if use in code.entries:
            self._findings.append(Finding(place, problem.message, problem.hint))
        elif not code.expects_absence:  # no mistake for certain: the code may never be reached
            self._notes.append(Finding(place, problem.message, problem.hint, Level.NOTE))

    def _report(self, file: Path, faults: list[Fault]) -> None:
        self._findings += [_finding(file, fault, Level.ERROR) for fault in faults]

    def _note(self, file: Path, faults: list[Fault]) -> None:
        self._notes += [_finding(file, fault, Level.NOTE) for fault in faults]


def _finding(file: Path, fault: Fault, level: Level) -> Finding:
    place = position(file, fault.node.lineno, fault.node.col_offset + 1)
    return Finding(place, fault.message, fault.hint, level)
