"""Letters: dead letters of other queues, among the messages of a memory queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from runtime.engines.queue.memory.subscription import not_held
from runtime.engines.queue.message import Message

if TYPE_CHECKING:
    from runtime.engines.queue.memory.queue import MemoryQueue


def waiting(queue: MemoryQueue) -> Iterator[Message]:
    """Ready and delayed messages."""
    return chain(queue.ready, (entry[2] for entry in queue.delayed.heap))


def waiting_letters(queue: MemoryQueue, died_in: str) -> Iterator[Message]:
    """Those from the queue of that id that are ready or delayed."""
    return (message for message in waiting(queue) if message.died_in == died_in)


def take_letter(queue: MemoryQueue, letter: Message) -> Callable[[], None]:
    """Take a letter from where it is, so that nobody else has it: one that waits is in flight.

    Returns a function that puts it back. Raises NotHeld.
    """
    if letter in queue.dead:
        put_back_dead = partial(queue.dead.insert, queue.dead.index(letter), letter)
        queue.dead.remove(letter)
        return put_back_dead
    if letter in queue.ready:
        queue.ready.remove(letter)
        put_back = partial(queue.ready.put_back, letter)
    elif any(entry[2] is letter for entry in queue.delayed.heap):
        put_back = partial(queue.delayed.add, letter, queue.delayed.remove(letter))
    else:
        raise not_held(letter)
    queue.in_flight.add(letter)

    def put_back_and_wake() -> None:
        queue.in_flight.discard(letter)
        put_back()
        queue.wake()

    return put_back_and_wake
