"""Services: what they do, and a new start of one."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from runtime.application.application import Application
from runtime.application.operations.host import Operation
from runtime.entry_id import EntryId
from runtime.loggers import logger

if TYPE_CHECKING:
    from runtime.engines.management.lanes import Worked

log = logger("runtime.management")


@runtime_checkable
class Laned(Protocol):
    """A consumer."""

    @property
    def lanes(self) -> Worked: ...


class Services:
    """The operations on the services of an application that is served."""

    def __init__(self, application: Application) -> None:
        self._application = application

    @property
    def table(self) -> Mapping[str, Operation]:
        """The operations by name."""
        return {"lanes": self.lanes, "service.restart": self.restart}

    async def lanes(self) -> Any:
        """The last messages of each worker of each consumer."""
        from runtime.engines.management.lanes import bars

        now, found = monotonic(), {}
        for id, component in self._application.scope.components.items():
            consumer = getattr(component, "consumer", component)  # a subscriber has one
            if isinstance(consumer, Laned):
                found[str(id)] = bars(consumer.lanes, now)
        return msgspec.to_builtins(found)

    async def restart(self, id: str) -> None:
        """Stop a service and those that need it, and start them again."""
        supervisor = self._application.supervisor
        if supervisor is None:
            raise ValueError("the application does not run")
        log.info("%s is restarted by management", id, extra={"entry": id})
        try:
            await supervisor.restart(EntryId.parse(id, ""))
        except RuntimeError as error:
            raise ValueError(str(error)) from None
