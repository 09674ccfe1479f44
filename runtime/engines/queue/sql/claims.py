"""Claims: the messages that a subscription holds, and those that it asks for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from runtime import failpoint
from runtime.engines.queue.driver_queue import Closed, Ending
from runtime.engines.queue.limits import Limits
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.operations import Claim, Claimed
from runtime.engines.queue.sql.pace import Pace
from runtime.engines.queue.sql.rest import Rest
from runtime.engines.queue.sql.settler import SqlQueue
from runtime.engines.queue.sql.watch import Watch
from runtime.loggers import logger
from runtime.service import Unavailable

log = logger("runtime.queue")

CLAIM_AGAIN = 0.5
"""Seconds after which a failed claim is tried again."""


class Claims:
    """Claims as many messages as there are waiting receivers, and ahead those that they will begin
    within a moment, at most `prefetch` together with those that are held.
    """

    def __init__(
        self,
        queue: SqlQueue,
        prefetch: int,
        late: Callable[[], None],
        limits: Limits | None = None,
    ) -> None:
        """`late()` is called when messages claimed ahead have waited for longer than expected."""
        self.held: dict[Message, int] = {}
        """All that were claimed and are not settled, with the numbers of their rows."""
        self.ahead: deque[Message] = deque()
        """Those of them that were not received yet."""
        self.settling = 0
        """The number of those whose settlement was submitted: a later claim finds them settled."""
        self.giving_back = 0
        """Times that what was ahead is being given back now: later ones must not overtake it."""
        self.at_once = 1
        """The number of messages that each receiver can use."""
        self.pace = Pace(queue.driver.clock.monotonic)
        self._queue = queue
        self._clock = queue.driver.clock
        self._store = queue.driver.store
        self._prefetch = prefetch
        self._limits = limits
        self._makes_room = limits is not None and limits.partitions is not None
        """True if a settlement lets others be claimed, which were passed over."""
        self._rest = Rest(self._clock, limits, self.wake)
        self._receivers: deque[asyncio.Future[None]] = deque()
        self._due: asyncio.Handle | None = None
        self._later: asyncio.Handle | None = None
        self._claiming = False
        self._failing = False
        self.asking_since: float | None = None
        """When the first claim was made that had no answer yet."""
        self._claimed: asyncio.Future[None] | None = None
        """Ends with the claim that `close` waits for."""
        self._drained = True
        """True if the latest claim found fewer messages than it asked for."""
        self._on_late = late
        self._watch = Watch(self.ahead, queue.driver.clock, late)
        self._more = True
        self._alone = False
        """True while a suspect is held or next, so that nothing may be claimed beside it."""
        self._closed = False

    def wake(self) -> None:
        """Claim: there may be something."""
        self._more = True
        self._refill()

    def forget_ahead(self) -> None:
        """Drop the messages that were claimed ahead: they were reassigned."""
        for message in self.ahead:
            self.held.pop(message, None)
        self.ahead.clear()
        self.wake()

    def take(self) -> Message | None:
        """The next message, if there is one."""
        if self._closed or not self.ahead:
            return None
        message = self.ahead.popleft()
        if len(self.ahead) * 2 <= self._prefetch:
            self._refill()
        return message

    async def receive(self) -> Message:
        """Wait for the next message. Raises Closed."""
        while (message := self.take()) is None:
            if self._closed:
                raise Closed
            await self._arrival()
        return message

    def drop(self, message: Message) -> None:
        """The message is not held any more."""
        self.held.pop(message, None)
        self._queue.made_room()
        self.pace.finished += 1
        if self._alone and not self.held:
            self._alone = False
            self._more = True
        if self._makes_room:
            self._more = True
            if self._closed:
                self._queue.driver.notify(self._queue.name)
        self._refill_after_tasks()

    async def close(self) -> None:
        """Claim nothing more."""
        self._closed = True
        self._wake_receivers(len(self._receivers))
        self._watch.close()
        self._rest.end()
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._claiming:
            if self._claimed is None:
                self._claimed = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._claimed])

    def _refill(self) -> None:
        """Claim at the end of this turn of the loop, with what is received and settled in it."""
        if self._due is not None or self._claiming or not self._more or self._closed:
            return
        if self.giving_back:
            return
        if self._queue.paused or self._rest.is_on:
            return
        if self._alone and self.held:
            return
        if self._wanted() > 0:
            self._due = asyncio.get_running_loop().call_soon(self._claim)

    def _refill_after_tasks(self) -> None:
        """Refill once the tasks have run that are woken now: they receive, settle and finish."""
        if self._later is None and not self._closed:
            self._later = asyncio.get_running_loop().call_soon(self._refill_later)

    def _refill_later(self) -> None:
        self._later = None
        self._refill()

    def _wanted(self) -> int:
        """The number of messages to claim."""
        count = len(self._receivers) - len(self.ahead)
        room = self._prefetch - len(self.held) + self.settling
        if self.at_once > 1 and count > 0:
            count = max(count, min(room, count * self.at_once))
        if room > max(0, count) and not self._rest.has_rate:
            count = max(count, int(min(room, self.pace.messages() - len(self.ahead))))
        return count

    def _claim(self) -> None:
        self._due = None
        if (count := self._wanted()) <= 0 or self._queue.paused or self.giving_back:
            return
        self._more = False
        if self.asking_since is None:
            self.asking_since = self._clock.monotonic()
        try:
            item = Claim(self._queue.name, self._store.owner, count, not self.held, self._limits)
            claim: Callable[[Claim], Ending] = (
                self._store.claim if self._receivers else self._store.claim_lazily
            )
            claiming = (claim if self._limits is None else self._store.claim_limited)(item)
        except Unavailable as error:
            return self._claim_again(error)
        self._claiming = True
        claiming.add_done_callback(partial(self._on_claimed, count))

    def _claim_again(self, error: BaseException) -> None:
        if not self._failing:
            self._failing = True
            text = "%s: no message could be claimed, trying again: %s"
            log.warning(text, self._queue.name, error)
        self._clock.call_later(CLAIM_AGAIN, self.wake)

    def _on_claimed(self, count: int, claiming: Ending) -> None:
        self._claiming = False
        if self._claimed is not None:
            self._claimed.set_result(None)
        if claiming.cancelled():
            return
        if (error := claiming.exception()) is not None:
            return self._claim_again(error)
        self.asking_since = None
        self._failing = False
        claimed: Claimed = claiming.result()
        failpoint.point("queue.claim.after_commit")
        if self._drained and claimed.messages:
            self.pace.restart()
        self._drained = len(claimed.messages) < count
        for seq, message in claimed.messages:
            self.held[message] = seq
            self.ahead.append(message)
        self._alone = claimed.suspect
        self._rest.begin(claimed)
        if self._queue.paused or self.giving_back:
            return self._on_late()
        if len(claimed.messages) == count:
            self._more = True
        elif claimed.suspect and not self.held:
            self._more = True  # what was held is settled by now: the suspect may be claimed
        elif claimed.wait == 0:
            self._more = True
        woken = self._wake_receivers(len(claimed.messages))
        if self._closed:
            return
        if len(self.ahead) > woken:
            self._watch.begin()
        if len(self.ahead) * 2 <= self._prefetch:
            self._refill_after_tasks()

    def _wake_receivers(self, count: int) -> int:
        """Returns how many there were to wake, at most `count`."""
        woken = 0
        while woken < count and self._receivers:
            receiver = self._receivers.popleft()
            if not receiver.done():
                receiver.set_result(None)
                woken += 1
        return woken

    async def _arrival(self) -> None:
        receiver = asyncio.get_running_loop().create_future()
        self._receivers.append(receiver)
        if self._claiming is not None:
            self._store.hurry()
        self._refill()
        try:
            await receiver
        except asyncio.CancelledError:
            if receiver in self._receivers:
                self._receivers.remove(receiver)
            elif self.ahead and not self._wake_receivers(1):
                self._watch.begin()
            raise
