"""queue.driver.memory: queues in this process, gone when it ends."""

from __future__ import annotations

import asyncio
import logging

import msgspec

from runtime.engines.queue.memory.queue import MemoryQueue
from runtime.entry_id import EntryId
from runtime.kind import BuildContext, Kind, Ready, Stage
from runtime.kinds.queue.driver import DriverOptions

log = logging.getLogger("runtime.queue")


class Config(msgspec.Struct, frozen=True, kw_only=True):
    pass


class MemoryDriver:
    """Takes messages before, while and after it runs; they live as long as this object."""

    def __init__(self, id: EntryId) -> None:
        self.lines: dict[str, MemoryQueue] = {}
        self._id = id

    def declare(self, name: str, options: DriverOptions) -> MemoryQueue:
        max_length = options.memory.max_length
        line = self.lines.setdefault(name, MemoryQueue(name, max_length))
        line.max_length = max_length
        return line

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        ready()
        await stop.wait()
        self._warn_of_loss()

    async def join(self) -> None:
        """Wait until every queue is empty and nothing is in hand: for tests and operators."""
        while any(len(line) for line in self.lines.values()):
            for line in list(self.lines.values()):
                await line.join()

    def _warn_of_loss(self) -> None:
        waiting = {name: len(line) for name, line in self.lines.items() if len(line)}
        dead = {name: len(line.dead) for name, line in self.lines.items() if line.dead}
        messages, letters = sum(waiting.values()), sum(dead.values())
        if not messages + letters:
            return
        counts = [f"{name}: {count}" for name, count in waiting.items()]
        counts += [f"{name}: {count} dead" for name, count in dead.items()]
        log.warning(
            "%s: %s %s with this program (%s)",
            self._id,
            " and ".join(filter(None, [_some(messages, "message"), _some(letters, "dead letter")])),
            "is in memory only and ends"
            if messages + letters == 1
            else "are in memory only and end",
            ", ".join(counts),
            extra={"entry": str(self._id), "fields": {"queues": waiting, "dead": dead}},
        )


def _some(count: int, noun: str) -> str:
    """`1 message`, `2 messages`, or nothing."""
    return f"{count} {noun}{'s' if count > 1 else ''}" if count else ""


def build(config: Config, context: BuildContext) -> MemoryDriver:
    return MemoryDriver(context.id)


kind = Kind(
    "queue.driver.memory",
    Config,
    build,
    stage=Stage.RESOURCE,
    unsupported={"transaction": "it keeps them in memory"},
    multiprocess=False,
)
