"""process.host: limits how many processes run at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from runtime.kind import BuildContext, Expected, Kind, Ready, Stage, Unavailable


class Config(msgspec.Struct, frozen=True, kw_only=True):
    max_processes: int | None


class Host:
    def __init__(self, config: Config, context: BuildContext) -> None:
        self._id = context.id
        self._limit = config.max_processes
        self._running = 0

    @contextmanager
    def slot(self) -> Iterator[None]:
        if self._limit is not None and self._running >= self._limit:
            limit = f"max_processes: {self._limit}"
            raise Unavailable(f"'{self._id}' has no slot for another process ({limit})")
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        ready()
        await stop.wait()


kind = Kind(
    "process.host",
    Config,
    Host,
    stage=Stage.RESOURCE,
    expected=Expected(("process.service",), "no service runs on this host"),
)
