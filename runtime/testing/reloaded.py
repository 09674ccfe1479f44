"""Reloaded: how a reload of an application in a test ended."""

from __future__ import annotations

from msgspec import Struct

from runtime.application.plan import Change, Plan
from runtime.findings.finding import ManifestError
from runtime.program.reloading import texts_of
from runtime.service import StartError


class Reloaded(Struct, frozen=True, kw_only=True):
    """The outcome of a reload."""

    changes: tuple[Change, ...] = ()
    """The entries that are not as before: `id`, `kind`, `action` (`revise`, `replace`,
    `start`, `stop`, `add`, `remove`), `why` and `lost`.
    """
    kept: int = 0
    """The number of entries that go on as they were."""
    findings: tuple[str, ...] = ()
    """The reasons for which it was refused: nothing has changed then."""

    @property
    def refused(self) -> bool:
        return bool(self.findings)

    def actions(self) -> dict[str, str]:
        """The action on each entry that is not as before, by its id."""
        return {str(change.id): change.action.value for change in self.changes}


def done(plan: Plan) -> Reloaded:
    """The outcome of a reload that was done."""
    return Reloaded(changes=tuple(plan.done), kept=plan.kept)


def refused(error: ManifestError | StartError) -> Reloaded:
    """The outcome of one that was not."""
    return Reloaded(findings=texts_of(error))
