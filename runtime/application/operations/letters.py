"""Letters: look at dead letters, deliver them again, and drop them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from runtime.application.operations.host import Host, Operation, asked, queue, queues
from runtime.loggers import logger
from runtime.units import format_count

log = logger("runtime.management")

_ALL = 10_000
"""Letters among which one is looked for."""


class Letters:
    """The operations on the dead letters of a host."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def table(self) -> Mapping[str, Operation]:
        """The operations by name."""
        return {
            "dead.letters": self.letters,
            "dead.payload": self.payload,
            "dead.requeue": self.requeue,
            "dead.drop": self.drop,
        }

    async def letters(self, queue: str = "", limit: int = 200) -> Any:
        """The oldest dead letters of one queue, or of each, without their bodies."""
        from runtime.engines.management.letters import letters  # nobody may ask for them

        chosen = [self._queue(queue)] if queue else [*queues(self._host)]
        folder = self._host.linked.manifest.folder
        return msgspec.to_builtins(await asked(letters(chosen, folder, limit)))

    async def payload(self, queue: str, id: str, who: str = "") -> Any:
        """The body of one dead letter. Who asks for it is told in the log."""
        found = self._queue(queue)
        for message in await asked(found.dead_letters(_ALL)):
            if message.id == id:
                return shown(found.id, id, bytes(message.body), who)
        raise LookupError(f"there is no dead letter '{id}' of '{found.id}'")

    async def requeue(self, queue: str, ids: Sequence[str]) -> Any:
        """Deliver dead letters again. Those that cannot be, and why, are in `left`."""
        found = self._queue(queue)
        return await self._each(found.id, ids, found.requeue, "requeued")

    async def drop(self, queue: str, ids: Sequence[str]) -> Any:
        """Delete dead letters."""
        found = self._queue(queue)
        return await self._each(found.id, ids, found.drop, "dropped")

    async def _each(
        self, queue: str, ids: Sequence[str], act: Callable[[str], Awaitable[None]], done: str
    ) -> Any:
        count, left = 0, []
        for id in ids:
            try:
                await asked(act(id))
                count += 1
            except (LookupError, ValueError) as error:
                left.append({"id": id, "why": str(error)})
        if count:
            some = format_count(count, "dead letter")
            log.info("%s %s by management", some, done, extra={"entry": queue})
        if left and not count:
            raise ValueError(left[0]["why"])
        return {"done": count, "left": left}

    def _queue(self, id: str) -> Any:
        return queue(self._host, id)


def shown(queue: str, id: str, body: bytes, who: str) -> Mapping[str, Any]:
    """The contents of a message; the log says that somebody has seen them."""
    text = "the payload of message %s was shown" + (" to %s" if who else "%s")
    log.info(text, id, who, extra={"entry": queue})
    return {"text": body.decode("utf-8", "replace"), "size": len(body)}
