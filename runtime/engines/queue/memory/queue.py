"""MemoryQueue: the messages of one queue in this process, gone when it ends."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

from runtime.clock import REAL, Clock
from runtime.engines.queue.browsing import Browsed
from runtime.engines.queue.driver_queue import DriverQueue, Full, requeue_elsewhere
from runtime.engines.queue.memory import browsing
from runtime.engines.queue.memory.delay_queue import DelayQueue
from runtime.engines.queue.memory.lengths import Lengths
from runtime.engines.queue.memory.letters import take_letter, waiting_letters
from runtime.engines.queue.memory.priority_queue import PriorityQueue
from runtime.engines.queue.memory.subscription import MemorySubscription, not_held
from runtime.engines.queue.memory.tracks import Tracks
from runtime.engines.queue.memory.unique_keys import UniqueKeys
from runtime.engines.queue.message import Message
from runtime.engines.queue.overflow import Overflow
from runtime.engines.queue.status import Record
from runtime.engines.queue.volatile import amounts
from runtime.engines.sql.contract import JoinableTransaction

if TYPE_CHECKING:
    from runtime.engines.queue.limits import Limits
    from runtime.engines.queue.memory.partitioned_queue import PartitionedQueue
    from runtime.engines.queue.rate import Grants


class MemoryQueue(Lengths):
    """A bounded queue, first in first out; its dead letters are kept without bound.

    Its methods suspend only in `receive` on an empty queue, in `publish` to a full one whose
    publishers wait, in `join`, and in a burial in another queue.
    """

    def __init__(self, name: str, max_length: int, clock: Clock = REAL) -> None:
        self.name = name
        self.max_length = max_length
        self.overflow = Overflow(clock, self._leave_room)
        self.ready = PriorityQueue()
        self.clock = clock
        self.partitioned: PartitionedQueue | None = None
        """The same as `ready`, while consumers limit its partitions."""
        self.grants: dict[str, Grants] = {}
        """The latest starts of each consumer with a rate."""
        self.delayed = DelayQueue(self.push, clock)
        self.in_flight: set[Message] = set()
        self.dead: deque[Message] = deque()
        self.receivers: deque[asyncio.Future[None]] = deque()
        self._length = 0
        self._keys = UniqueKeys()
        self._letters: Counter[str] = Counter()
        """The number of unfinished dead letters of other queues, by `died_in`."""
        self._fired: dict[str, float] = {}
        """The latest planned time of each schedule that was fired."""
        self._joiners: list[asyncio.Future[None]] = []
        self.retention: float | None = None
        self.paused = False
        self.tracks = Tracks(self, clock)
        self.subscriptions: list[MemorySubscription] = []

    def __len__(self) -> int:
        """Ready, delayed and in-flight messages together, which `max_length` bounds."""
        return self._length

    @property
    def unsaved(self) -> str | None:
        return amounts(len(self), len(self.dead))

    async def publish(
        self,
        message: Message,
        delay: float = 0.0,
        transaction: JoinableTransaction | None = None,
        counts_running: bool = False,
    ) -> str:
        if transaction is not None:
            raise self._out_of_reach()
        key = message.unique
        if key is not None and (holder := self._holder(key, counts_running)) is not None:
            return holder
        if self._length >= self.max_length or (self.overflow.places and self.overflow.has_line):
            await self._wait_for_room()
            if key is not None and (holder := self._holder(key, counts_running)) is not None:
                self._leave_room()
                return holder
        else:
            self._length += 1
        if key is not None:
            self._keys.add(key, message.id)
        if delay > 0:
            self.delayed.add(message, delay)
        else:  # `push`, without the cost of a call
            self.ready.add(message)
            if self.receivers:
                self.wake()
        return message.id

    async def publish_many(
        self,
        messages: Sequence[Message],
        delay: float = 0.0,
        transaction: JoinableTransaction | None = None,
    ) -> None:
        if transaction is not None:
            raise self._out_of_reach()
        count = len(messages)
        if self._length + count > self.max_length or self.overflow.has_line:
            await self._wait_for_room(count)
        else:
            self._length += count
        for message in messages:
            if delay > 0:
                self.delayed.add(message, delay)
            else:
                self.push(message)

    async def fire(self, schedule: str, at: float, message: Message) -> str | None:
        if at <= self._fired.get(schedule, -math.inf):
            return None
        key = message.unique
        is_full = self._length >= self.max_length or self.overflow.has_line
        if is_full and (key is None or not self._holder(key, True)):
            raise Full(length=self.max_length)
        id = await self.publish(message, counts_running=True)  # which need not wait
        self._fired[schedule] = at
        return id

    async def last_fired(self, schedule: str) -> float | None:
        return self._fired.get(schedule)

    async def publish_dead_letter(self, message: Message) -> None:
        self._length += 1
        if message.died_in is not None:
            self._letters[message.died_in] += 1
        self.push(message)

    def subscribe(self, prefetch: int) -> MemorySubscription:
        # A claim is free here, so nothing is claimed ahead: other consumers may have it.
        self.unpartition()
        return MemorySubscription(self)

    def subscribe_limited(self, prefetch: int, limits: Limits) -> MemorySubscription:
        from runtime.engines.queue.memory.limited_subscription import LimitedSubscription

        return LimitedSubscription(self, limits)

    def unpartition(self) -> None:
        """Limit no partitions any more."""
        if self.partitioned is not None:
            self.ready, self.partitioned = self.partitioned.dissolve(), None

    async def find(self, id: str) -> Record | None:
        return self.tracks.find(id)

    async def cancel(self, id: str) -> Record | None:
        return self.tracks.cancel(id)

    async def browse(self, state: str, limit: int, after: str | None) -> Sequence[Browsed]:
        return browsing.browse(self, state, limit, after)

    async def body(self, id: str) -> bytes | None:
        return browsing.body(self, id)

    async def purge(self, state: str) -> int:
        return browsing.purge(self, state)

    async def pause(self, paused: bool) -> None:
        self.tracks.pause(paused)

    async def dead_letters(self, limit: int = 100, died_in: str | None = None) -> Sequence[Message]:
        letters: Iterator[Message] = iter(self.dead)
        if died_in is not None:
            held = (message for message in self.in_flight if message.died_in == died_in)
            letters = chain(held, waiting_letters(self, died_in))
        return list(islice(letters, limit))

    async def count_dead_letters(self, died_in: str) -> int:
        return self._letters[died_in]

    async def find_dead_letter(self, id: str, died_in: str | None = None) -> Message | None:
        letters = self.dead if died_in is None else waiting_letters(self, died_in)
        return next((letter for letter in letters if letter.id == id), None)

    async def requeue(self, letter: Message, again: Message, to: DriverQueue) -> None:
        put_back = take_letter(self, letter)
        try:
            await requeue_elsewhere(again, to)
        except BaseException:
            put_back()
            raise
        if letter in self.in_flight:
            self.delete(letter)

    async def drop(self, letter: Message) -> None:
        take_letter(self, letter)
        if letter in self.in_flight:
            self.delete(letter)

    async def join(self) -> None:
        """Wait until nothing is ready, delayed or in flight: for tests and operators."""
        while self._length:
            joiner = asyncio.get_running_loop().create_future()
            self._joiners.append(joiner)
            await joiner

    def push(self, message: Message) -> None:
        """Put a message behind those that are ready."""
        self.ready.add(message)
        if self.receivers:
            self.wake()

    def wake(self) -> None:
        """Wake one of the waiting receivers."""
        while self.receivers:
            receiver = self.receivers.popleft()
            if not receiver.done():
                receiver.set_result(None)
                return

    def take_back(self, message: Message) -> None:
        """End a delivery and keep the message. Raises NotHeld."""
        if message not in self.in_flight:
            raise not_held(message)
        self.in_flight.remove(message)
        if self.partitioned is not None and self.partitioned.end(message):
            self.wake()

    def delete(self, message: Message) -> None:
        """End a delivery and delete the message. Raises NotHeld."""
        if message not in self.in_flight:
            raise not_held(message)
        self.in_flight.remove(message)
        if self.partitioned is not None and self.partitioned.end(message):
            self.wake()
        self._length -= 1
        if self.overflow.places:
            self.admit()
        if message.unique is not None:
            self._keys.remove(message.unique, message.id)
        if message.died_in is not None:
            self._forget_letter(message.died_in)
        if self.tracks.notes:
            self.tracks.notes.pop(message.id, None)
        if self._joiners and not self._length:
            self._wake_joiners()

    def admit(self) -> None:
        """Admit publishers that wait, as many as there is room for."""
        # The room is taken at once, so that nobody else has it.
        self._length += self.overflow.admit(self.max_length - self._length)

    async def _wait_for_room(self, size: int = 1) -> None:
        """Wait until there is room for so many messages, which is then taken. Raises Full."""
        error = Full(f"queue '{self.name}' is full ({self._length})", self._length)
        if size > self.max_length:
            raise error
        try:
            with self.overflow.enter(error, self.max_length, size) as place:
                await place.admitted()
        except BaseException:
            self.admit()  # those behind it may need less
            raise

    def _out_of_reach(self) -> ValueError:
        return ValueError(
            f"queue '{self.name}' is in memory, which no transaction reaches; "
            "give it a driver of kind queue.driver.sql"
        )

    def _leave_room(self, size: int = 1) -> None:
        """Give up the room that a publisher was admitted to."""
        self._length -= size
        self.admit()
        if self._joiners and not self._length:
            self._wake_joiners()

    def _holder(self, key: str, counts_running: bool) -> str | None:
        """The id of the message that has a unique key, if there is one."""
        return self._keys.holder(key, () if counts_running else self.in_flight)

    def _forget_letter(self, died_in: str) -> None:
        self._letters[died_in] -= 1
        if not self._letters[died_in]:
            del self._letters[died_in]

    def _wake_joiners(self) -> None:
        for joiner in self._joiners:
            if not joiner.done():
                joiner.set_result(None)
        self._joiners.clear()
