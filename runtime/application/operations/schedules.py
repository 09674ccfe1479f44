"""Schedules: when they fire next, and firing one by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from runtime.application.operations.host import Host, Operation, asked, named
from runtime.entry_id import EntryId
from runtime.units import format_time

_NEXT = 3
"""Planned times of a schedule that are told, unless more are asked for."""
_MOST = 1_000
_TARGETS = ("queue", "func")


@runtime_checkable
class Planned(Protocol):
    """A schedule."""

    def upcoming(self, count: int) -> Sequence[float]: ...

    async def last_fired(self) -> float | None: ...

    async def fire_now(self) -> str: ...


class Schedules:
    """The operations on the schedules of a host."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def table(self) -> Mapping[str, Operation]:
        """The operations by name."""
        return {"schedules": self.schedules, "schedule.fire": self.fire}

    async def schedules(self, id: str = "", count: int = _NEXT) -> Any:
        """All schedules, or one, with their next planned times. Raises ValueError for a count that
        is not from 1 to 1,000.
        """
        if not 1 <= count <= _MOST:
            raise ValueError(f"'count' is {count}, not from 1 to {_MOST:,}")
        chosen = [self._one(id)] if id else [*self._all()]
        return [await self._described(*each, count) for each in chosen]

    async def fire(self, id: str) -> str:
        """Do now what a schedule does at its planned times; returns `here` or `overlapped`."""
        _, schedule = self._one(id)
        return await asked(schedule.fire_now())

    async def _described(self, id: EntryId, schedule: Planned, count: int) -> Mapping[str, Any]:
        link = self._host.linked.links[id]
        fields = link.schema.field.explain(link.entry.fields)
        times = fields.get("cron") or f"every {fields.get('every')}"
        last = await asked(schedule.last_fired())
        target = next((to for path, to in link.references.items() if path[-1] in _TARGETS), "")
        return {
            "id": str(id),
            "times": f"{times} {fields.get('zone') or ''}".strip(),
            "target": str(target),
            "next": [*map(format_time, schedule.upcoming(count))],
            "last": None if last is None else format_time(last),
        }

    def _one(self, id: str) -> tuple[EntryId, Planned]:
        return named({str(own): (own, each) for own, each in self._all()}, id, "schedule")

    def _all(self) -> Iterator[tuple[EntryId, Planned]]:
        for id, component in self._host.scope.components.items():
            if isinstance(component, Planned):
                yield id, component
