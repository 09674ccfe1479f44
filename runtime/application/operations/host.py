"""Host: the components that operations work on, of an application that runs or of a part of one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, runtime_checkable

from runtime.handlers.context import ApplicationContext
from runtime.linking.linker import LinkedManifest

if TYPE_CHECKING:
    from runtime.engines.queue.queue import Queue

T = TypeVar("T")

Operation = Callable[..., Coroutine[Any, Any, Any]]


class Host(Protocol):
    """An application, or a part of one."""

    @property
    def scope(self) -> ApplicationContext: ...

    @property
    def linked(self) -> LinkedManifest: ...


@runtime_checkable
class _Queue(Protocol):
    """Not by its class: a program without a queue does not import it."""

    id: str

    async def requeue(self, id: str) -> None: ...


def queues(host: Host) -> Iterator[Queue]:
    """All queues; a subscriber counts with the one that it has."""
    for component in host.scope.components.values():
        own = getattr(component, "queue", None) if hasattr(component, "patterns") else component
        if isinstance(own, _Queue):
            yield cast("Queue", own)


def queue(host: Host, id: str) -> Queue:
    """The queue of that id or name. Raises LookupError."""
    return named({each.id: each for each in queues(host)}, id, "queue")


def named(found: Mapping[str, T], id: str, what: str) -> T:
    """The one of that id, or of that name if no other has it. Raises LookupError."""
    alike = [own for own in found if id in (own, own.rpartition(":")[2])]
    if id in found or len(alike) == 1:
        return found[id if id in found else alike[0]]
    raise LookupError(f"there is no {what} '{id}'; there is {', '.join(alike or found) or 'none'}")


async def asked(work: Awaitable[T]) -> T:
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
