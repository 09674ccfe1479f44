"""ServiceSpec: a component that runs, with its stage and its lifecycle."""

from __future__ import annotations

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

    def is_same(self, other: ServiceSpec) -> bool:
        """True for the same component with an equal lifecycle."""
        return self.service is other.service and self.lifecycle == other.lifecycle
