"""ReloadOperations: a reload, and its plan, for others who ask for them. In and out is JSON."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from runtime.application.plan import Change, Plan
from runtime.findings.finding import Finding, Level, ManifestError, Position
from runtime.service import StartError

RELOAD = "reload"
PLAN = "plan"

Outcome = Mapping[str, Any]
"""`{"changes": [{id, kind, action, why, lost}], "kept": 14, "summary": "…", "findings": []}`; with
findings, nothing was changed.
"""


class Reloads(Protocol):
    def __call__(self, *, force: bool = False) -> Awaitable[Plan]: ...


class ReloadOperations:
    """Operations of an application, for `runtime reload`, `runtime plan` and the dashboard."""

    def __init__(self, reload: Reloads, plan: Callable[[], Awaitable[Plan]]) -> None:
        """`reload` is told if losses are accepted. Both raise ManifestError, StartError, and
        RuntimeError for an application that does not run.
        """
        self._reload = reload
        self._plan = plan

    def of(self) -> dict[str, Callable[..., Awaitable[Any]]]:
        """The operations by name."""
        return {RELOAD: self.reload, PLAN: self.plan}

    async def reload(self, force: bool = False) -> Outcome:
        """Reload, and tell what was done, or why not. Raises ValueError while nothing runs."""
        return await outcome(self._reload(force=force))

    async def plan(self) -> Outcome:
        """The changes that a reload would make now. Raises ValueError while nothing runs."""
        return await outcome(self._plan())


async def outcome(work: Awaitable[Plan]) -> Outcome:
    """The outcome of a reload. Raises ValueError in place of RuntimeError."""
    try:
        return done(await work)
    except (ManifestError, StartError) as error:
        return refused(error)
    except RuntimeError as error:
        raise ValueError(str(error)) from None


def done(plan: Plan) -> Outcome:
    """The outcome of a reload that has this plan."""
    changes = [_change(each) for each in plan.changes]
    return {"changes": changes, "kept": plan.kept, "summary": plan.summary(), "findings": []}


def refused(error: ManifestError | StartError) -> Outcome:
    """The outcome of a reload that was refused. Files are absolute: others stand elsewhere."""
    if isinstance(error, StartError):
        error = ManifestError([Finding(Position(""), str(error))])
    told = [_finding(each) for each in error.findings]
    return {"changes": [], "kept": 0, "summary": "", "findings": told}


def findings_of(outcome: Outcome) -> list[Finding]:
    """The findings of a reload that was refused, with files as one sees them from here."""
    return [
        Finding(
            Position(
                os.path.relpath(each["file"]) if each["line"] else each["file"],
                each["line"],
                each["column"],
            ),
            each["message"],
            each["hint"],
            Level(each["level"]),
        )
        for each in outcome["findings"]
    ]


def _change(change: Change) -> dict[str, Any]:
    return {
        "id": str(change.id),
        "kind": change.kind,
        "action": change.action.value,
        "why": change.why,
        "lost": change.lost,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    file, line, column = finding.position
    return {
        "file": os.path.abspath(file) if line else file,
        "line": line,
        "column": column,
        "message": finding.message,
        "hint": finding.hint,
        "level": finding.level.value,
    }
