"""Table: all operations by name."""

from __future__ import annotations

from collections.abc import Mapping

from runtime.application.application import Application
from runtime.application.operations.host import Host, Operation
from runtime.application.operations.letters import Letters
from runtime.application.operations.queues import Queues
from runtime.application.operations.schedules import Schedules
from runtime.application.operations.services import Services
from runtime.application.operations.tasks import Tasks


def operations(host: Host) -> Mapping[str, Operation]:
    """The operations on what is kept: also of an application that does not run."""
    families = (Queues(host), Letters(host), Tasks(host), Schedules(host))
    return {name: operation for each in families for name, operation in each.table.items()}


def all_operations(application: Application) -> Mapping[str, Operation]:
    """The same, and those on what runs."""
    return {**operations(application), **Services(application).table}
