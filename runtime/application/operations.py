"""Operations: what management has done on an application's loop: with queues, letters, schedules.

Each takes its arguments by name, and raises LookupError for what is not there and ValueError for
what cannot be done. Arguments and results are JSON.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, runtime_checkable

import msgspec

from runtime.application.application import Application
from runtime.entry_id import EntryId
from runtime.loggers import logger

if TYPE_CHECKING:
    from runtime.engines.management.lanes import Worked
    from runtime.engines.queue.queue import Queue

log = logger("runtime.management")

_NEXT = 3
"""Planned times of a schedule that are told."""
_ALL = 10_000
"""Letters among which one is looked for."""
_TARGETS = ("queue", "func")

T = TypeVar("T")


@runtime_checkable
class Lettered(Protocol):
    """A queue. Not by its class: a program without one does not import it."""

    id: str

    async def requeue(self, id: str) -> None: ...

    async def dead_letters(self, limit: int = 100) -> Sequence[Any]: ...


@runtime_checkable
class Pausable(Protocol):
    """A queue whose driver can hold its messages back."""

    async def pause(self) -> None: ...

    async def resume(self) -> None: ...


@runtime_checkable
class Laned(Protocol):
    """A consumer."""

    @property
    def lanes(self) -> Worked: ...


@runtime_checkable
class Planned(Protocol):
    """A schedule."""

    def upcoming(self, count: int) -> Sequence[float]: ...

    async def last_fired(self) -> float | None: ...

    async def fire_now(self) -> str: ...


class Operations:
    """Registers itself with an application, which may not be built yet."""

    def __init__(self, application: Application) -> None:
        self._application = application
        own: dict[str, Callable[..., Awaitable[Any]]] = {
            "queue.pause": self.pause,
            "queue.resume": self.resume,
            "dead.letters": self.letters,
            "dead.payload": self.payload,
            "dead.requeue": self.requeue,
            "dead.drop": self.drop,
            "lanes": self.lanes,
            "service.restart": self.restart,
            "schedules": self.schedules,
            "schedule.fire": self.fire,
        }
        application.operations.update(own)

    async def pause(self, id: str) -> None:
        await self._pausable(id).pause()
        log.info("%s is paused by management", id, extra={"entry": id})

    async def resume(self, id: str) -> None:
        await self._pausable(id).resume()
        log.info("%s is resumed by management", id, extra={"entry": id})

    async def letters(self, queue: str = "", limit: int = 200) -> Any:
        """The oldest dead letters of one queue, or of each, without their bodies."""
        from runtime.engines.management.letters import letters  # nobody may ask for them

        queues = [self._queue(queue)] if queue else [*self._queues()]
        folder = self._application.linked.manifest.folder
        return msgspec.to_builtins(await _asked(letters(queues, folder, limit)))

    async def payload(self, queue: str, id: str) -> Any:
        """The body of one dead letter. Who asks for it is told in the log."""
        for message in await _asked(self._queue(queue).dead_letters(_ALL)):
            if message.id == id:
                log.info("the payload of message %s was shown", id, extra={"entry": queue})
                body = bytes(message.body)
                return {"text": body.decode("utf-8", "replace"), "size": len(body)}
        raise LookupError(f"there is no dead letter '{id}' of '{queue}'")

    async def requeue(self, queue: str, ids: Sequence[str]) -> Any:
        """Deliver dead letters again. Those that cannot be, and why, are in `left`."""
        return await self._each(queue, ids, self._queue(queue).requeue, "requeued")

    async def drop(self, queue: str, ids: Sequence[str]) -> Any:
        """Delete dead letters."""
        return await self._each(queue, ids, self._queue(queue).drop, "dropped")

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

    async def schedules(self) -> Any:
        """The schedules with their next planned times."""
        found = []
        for id, schedule in self._schedules():
            link = self._application.linked.links[id]
            fields = link.schema.field.explain(link.entry.fields)
            times = fields.get("cron") or f"every {fields.get('every')}"
            target = next((to for path, to in link.references.items() if path[-1] in _TARGETS), "")
            found.append(
                {
                    "id": str(id),
                    "times": f"{times} {fields.get('zone') or ''}".strip(),
                    "target": str(target),
                    "next": schedule.upcoming(_NEXT),
                    "last": await _asked(schedule.last_fired()),
                }
            )
        return found

    async def fire(self, id: str) -> str:
        """Do now what a schedule does at its planned times."""
        for own, schedule in self._schedules():
            if str(own) == id:
                return await _asked(schedule.fire_now())
        raise LookupError(f"there is no schedule '{id}'")

    async def _each(
        self, queue: str, ids: Sequence[str], act: Callable[[str], Awaitable[None]], done: str
    ) -> Any:
        count, left = 0, []
        for id in ids:
            try:
                await _asked(act(id))
                count += 1
            except (LookupError, ValueError) as error:
                left.append({"id": id, "why": str(error)})
        log.info("%d dead letters %s by management", count, done, extra={"entry": queue})
        if left and not count:
            raise ValueError(left[0]["why"])
        return {"done": count, "left": left}

    def _queue(self, id: str) -> Queue:
        found = next((each for each in self._queues() if each.id == id), None)
        if found is None:
            raise LookupError(f"there is no queue '{id}'")
        return found

    def _pausable(self, id: str) -> Pausable:
        found: object = self._queue(id)
        if not isinstance(found, Pausable):
            raise ValueError(f"the driver of '{id}' cannot hold messages back")
        return found

    def _queues(self) -> Iterator[Queue]:
        """All queues; a subscriber counts with the one that it has."""
        for component in self._application.scope.components.values():
            own = getattr(component, "queue", None) if hasattr(component, "patterns") else component
            if isinstance(own, Lettered):
                yield cast("Queue", own)

    def _schedules(self) -> Iterator[tuple[EntryId, Planned]]:
        for id, component in self._application.scope.components.items():
            if isinstance(component, Planned):
                yield id, component


async def _asked(work: Awaitable[T]) -> T:
    """The result of work on a queue. Raises ValueError for what is meant for those who asked: a
    driver that is not available, a queue that is full.
    """
    try:
        return await work
    except LookupError:
        raise
    except Exception as error:
        if hasattr(error, "http_status"):
            raise ValueError(str(error)) from None
        raise
