"""Parts: the components of an application that a test waits for, publishes to and moves in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from runtime.engines.event.subscriber import Subscriber
from runtime.engines.queue.consumer import Consumer
from runtime.engines.queue.queue import Queue
from runtime.entry_id import EntryId
from runtime.linking.linker import LinkedManifest
from runtime.testing.quiet import Idler
from runtime.testing.server_clock import ServerClock, databases_with_clocks


class Parts(Struct, frozen=True):
    """They are other ones after a reload."""

    queues: Mapping[str, Queue]
    """By id, those of subscribers too."""
    consumers: Sequence[Consumer]
    timed: frozenset[str]
    """The ids of queues with a consumer that has a time-out."""
    idlers: Mapping[str, Idler]
    servers: ServerClock


def parts(linked: LinkedManifest, components: Mapping[EntryId, Any]) -> Parts:
    """Find them, and have consumers wait for nothing that only a move of the clock would bring."""
    every = components.values()
    subscribers = [each for each in every if isinstance(each, Subscriber)]
    queues = [each for each in every if isinstance(each, Queue)]
    queues += [each.queue for each in subscribers]
    consumers = [each for each in every if isinstance(each, Consumer)]
    consumers += [each.consumer for each in subscribers]
    for consumer in consumers:
        consumer.batch_what_is_there()
        consumer.lift_rate()
    idlers = {str(id): each for id, each in components.items() if isinstance(each, Idler)}
    return Parts(
        {each.id: each for each in queues},
        consumers,
        frozenset(each.queue.id for each in consumers if each.timeout is not None),
        idlers,
        ServerClock(databases_with_clocks(linked, components)),
    )
