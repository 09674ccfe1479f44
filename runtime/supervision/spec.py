"""ServiceSpec: a component that runs, with its place in the order and its lifecycle."""

from __future__ import annotations

import msgspec

from runtime.entry_id import EntryId
from runtime.service import Service, Stage
from runtime.supervision.lifecycle import Lifecycle


class ServiceSpec(msgspec.Struct, frozen=True):
    """A component that runs, with when and how."""

    id: EntryId
    service: Service
    stage: Stage
    lifecycle: Lifecycle
