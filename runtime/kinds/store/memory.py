"""store.memory: values by key in this process, gone when it ends."""

from __future__ import annotations

import msgspec

from runtime.engines.store.memory import Limits, MemoryStore
from runtime.kind import BuildContext, Kind, Stage


class Config(msgspec.Struct, frozen=True, kw_only=True):
    max_value: int
    max_size: int
    overflow: str


def build(config: Config, context: BuildContext) -> MemoryStore:
    limits = Limits(config.max_value, config.max_size, config.overflow == "evict")
    return MemoryStore(str(context.id), limits, context.clock)


def cost(store: MemoryStore) -> str | None:
    """The values that only this program has."""
    count = len(store.values)
    return f"{count} value{'s' if count > 1 else ''}" if count else None


kind = Kind("store.memory", Config, build, stage=Stage.RESOURCE, cost=cost, multiprocess=False)
