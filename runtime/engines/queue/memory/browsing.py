"""Browsing: the messages of a memory queue, looked at, and those that wait deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, dropwhile, islice
from typing import TYPE_CHECKING

from runtime.engines.queue.browsing import Browsed
from runtime.engines.queue.memory.letters import waiting
from runtime.engines.queue.message import Message

if TYPE_CHECKING:
    from runtime.engines.queue.memory.queue import MemoryQueue


def browse(queue: MemoryQueue, state: str, limit: int, after: str | None) -> Sequence[Browsed]:
    """The messages in a state, as BrowsableQueue.browse."""
    found, parked = _in_state(queue, state), _parked(queue) if state == "ready" else ()
    aside = {message.id for message in parked}
    if parked:
        ahead = (each for each in found if each[0].id not in aside)
        found = chain(ahead, ((message, None) for message in parked))
    if after is not None:
        found = islice(dropwhile(lambda each: each[0].id != after, found), 1, None)
    return [_browsed(*each, each[0].id in aside) for each in islice(found, limit)]


def _parked(queue: MemoryQueue) -> Sequence[Message]:
    return () if queue.partitioned is None else queue.partitioned.parked()


def body(queue: MemoryQueue, id: str) -> bytes | None:
    """The body of an unfinished message; None if there is none of that id."""
    every = chain(queue.in_flight, waiting(queue))
    return next((bytes(each.body) for each in every if each.id == id), None)


def purge(queue: MemoryQueue, state: str) -> int:
    """Delete the messages in a state; returns how many there were."""
    place = queue.ready if state == "ready" else queue.delayed
    messages = [message for message, _ in _in_state(queue, state)]
    for message in messages:
        place.remove(message)
        queue.in_flight.add(message)  # from where it is deleted
        queue.delete(message)
    return len(messages)


def _in_state(queue: MemoryQueue, state: str) -> Iterator[tuple[Message, float | None]]:
    """The messages in a state, each with its due time if it has one."""
    if state == "ready":
        return ((message, None) for message in queue.ready)
    if state == "delayed":
        return (
            (message, queue.delayed.time_of(due)) for due, _, message in sorted(queue.delayed.heap)
        )
    running = sorted(queue.in_flight, key=lambda message: (message.published, message.id))
    return ((message, None) for message in running)


def _browsed(message: Message, due: float | None, parked: bool) -> Browsed:
    return Browsed(
        id=message.id,
        attempt=message.attempt,
        priority=message.priority,
        published=message.published,
        due=due,
        parked=parked,
        size=len(message.body),
        headers=message.headers,
    )
