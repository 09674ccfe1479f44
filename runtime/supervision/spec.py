"""ServiceSpec: a component that runs, with its stage and its lifecycle."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from runtime.entry_id import EntryId
from runtime.service import Service, Stage
from runtime.supervision.lifecycle import Lifecycle


class ServiceSpec(msgspec.Struct, frozen=True, eq=False):
    """A component that runs, and when and how the supervisor runs it."""

    id: EntryId
    service: Service
    stage: Stage
    lifecycle: Lifecycle
    coexists: Callable[[Service], bool] | None = None
    """True for a service that this one may run beside for a while. Without, resources and
    migrations may, and others not.
    """

    def runs_beside(self, other: ServiceSpec) -> bool:
        """True if it may run while its predecessor `other` still does."""
        if self.service is other.service:
            return False
        if self.coexists is None:
            return self.stage <= Stage.MIGRATION
        return self.coexists(other.service)
