"""Tasks: the state of single messages, and cancelling one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from runtime.application.operations.host import Host, Operation, asked, queue
from runtime.loggers import logger

log = logger("runtime.management")


class Tasks:
    """The operations on single messages of a host."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def table(self) -> Mapping[str, Operation]:
        """The operations by name."""
        return {"task.status": self.status, "task.cancel": self.cancel}

    async def status(self, queue: str, id: str) -> Any:
        """The status of a message, as `queue.status` of a handler."""
        return msgspec.to_builtins(await asked(self._queue(queue).status(id)))

    async def cancel(self, queue: str, id: str) -> Any:
        """Cancel a message, and tell what has become of it."""
        found = self._queue(queue)
        status = await asked(found.cancel(id))
        log.info("message %s is cancelled by management", id, extra={"entry": found.id})
        return msgspec.to_builtins(status)

    def _queue(self, id: str) -> Any:
        return queue(self._host, id)
