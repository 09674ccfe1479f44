"""queue.driver.memory: queues in this process, gone when it ends."""

from __future__ import annotations

import asyncio

import msgspec

from runtime.clock import REAL, Clock
from runtime.engines.queue.memory.queue import MemoryQueue
from runtime.engines.queue.volatile import amounts
from runtime.entry_id import EntryId
from runtime.kind import BuildContext, Expected, Kind, Ready, Stage
from runtime.kinds.queue.driver import DriverOptions
from runtime.loggers import logger

log = logger("runtime.queue")


class Config(msgspec.Struct, frozen=True, kw_only=True):
    retention: float | None


class MemoryDriver:
    """Accepts messages before, while and after it runs; they live as long as this object."""

    def __init__(self, id: EntryId, clock: Clock = REAL, *, retention: float | None = None) -> None:
        """`retention` in seconds, of queues that name none of their own."""
        self.queues: dict[str, MemoryQueue] = {}
        self._id = id
        self._clock = clock
        self._retention = retention

    def declare(self, name: str, options: DriverOptions) -> MemoryQueue:
        own = options["memory"]
        queue = self.queues.setdefault(name, MemoryQueue(name, own["max_length"], self._clock))
        queue.max_length = own["max_length"]
        queue.retention = self._retention
        queue.overflow.configure(own)
        queue.admit()
        return queue

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        ready()
        await stop.wait()
        for queue in self.queues.values():
            queue.overflow.refuse()
        self.warn_of_loss()

    @property
    def unsaved(self) -> str | None:
        queues = self.queues.values()
        return amounts(sum(map(len, queues)), sum(len(queue.dead) for queue in queues))

    async def join(self) -> None:
        """Wait until no message is ready, delayed or in flight: for tests and operators."""
        while any(len(queue) for queue in self.queues.values()):
            for queue in list(self.queues.values()):
                await queue.join()

    def warn_of_loss(self) -> None:
        """Log what ends with the program. Called also if the driver was never started."""
        unfinished = {name: len(queue) for name, queue in self.queues.items() if len(queue)}
        dead = {name: len(queue.dead) for name, queue in self.queues.items() if queue.dead}
        messages, dead_letters = sum(unfinished.values()), sum(dead.values())
        if not messages + dead_letters:
            return
        counts = [f"{name}: {count}" for name, count in unfinished.items()]
        counts += [f"{name}: {count} dead" for name, count in dead.items()]
        log.warning(
            "%s: %s %s with this program (%s)",
            self._id,
            amounts(messages, dead_letters),
            "is in memory only and ends"
            if messages + dead_letters == 1
            else "are in memory only and end",
            ", ".join(counts),
            extra={"entry": str(self._id), "fields": {"queues": unfinished, "dead": dead}},
        )


def build(config: Config, context: BuildContext) -> MemoryDriver:
    return MemoryDriver(context.id, context.clock, retention=config.retention)


kind = Kind(
    "queue.driver.memory",
    Config,
    build,
    stage=Stage.RESOURCE,
    expected=Expected(("queue.queue", "event.subscriber"), "no queue is on this driver"),
    unsupported={"transaction": "it keeps them in memory"},
    cost=lambda driver: driver.unsaved,
    multiprocess=False,
)
