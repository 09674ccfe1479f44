"""Schedule: fires at planned times, and later those that passed while it could not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice, takewhile

import msgspec

from runtime.backoff import Backoff
from runtime.clock import Clock, wait_for
from runtime.engines.queue.driver_queue import Full
from runtime.engines.queue.fired import Fired
from runtime.engines.schedule.tally import ScheduleTally
from runtime.engines.schedule.target import Target
from runtime.engines.schedule.times import Times, latest, shown
from runtime.loggers import logger
from runtime.service import Ready, Unavailable
from runtime.units import format_duration

LATE = 10.0
"""Seconds up to which a planned time counts as on time: the loop may be busy, a queue full."""
_AT_ONCE = 1000
"""Planned times that are looked up at once."""
_RETRY = Backoff(initial_delay=1.0, max_delay=30.0)

log = logger("runtime.schedule")


class CatchUp(msgspec.Struct, frozen=True):
    """The planned times that are fired although they were missed."""

    which: str
    """`none`, the `last` one, or `all`."""
    within: float
    """Seconds. What was due longer ago is left out."""


class Schedule:
    """Waits for each planned time and fires its target."""

    def __init__(
        self,
        id: str,
        times: Times,
        target: Target,
        catch_up: CatchUp,
        clock: Clock,
        tally: ScheduleTally | None = None,
    ) -> None:
        """With a `tally`, what it does is counted there."""
        self._id = id
        self._extra = {"entry": id}
        self._times = times
        self.target = target
        self._catch_up = catch_up
        self._clock = clock
        self.schedule_tally = tally
        self.last_time: float | None = None
        """The latest planned time that was fired, as far as this program knows."""
        self.next_time: float | None = None
        """The planned time that it waits for, in seconds since 1970."""
        self._done: float | None = None
        """All planned times until then are fired, or left out."""
        self._overlapped = 0
        self._firing: asyncio.Future[None] | None = None

    async def idle(self) -> None:
        """Wait until no planned time is being fired, and no function that it calls is at work."""
        while self._firing is not None:
            await asyncio.wait([self._firing])
            await asyncio.sleep(0)  # to whoever waited for it
        await self.target.finished()

    def upcoming(self, count: int) -> Sequence[float]:
        """The next planned times, in seconds since 1970."""
        return [*islice(self._times.after(self._clock.time()), count)]

    async def last_fired(self) -> float | None:
        """The latest planned time that was fired by any program, as far as that is remembered."""
        return await self.target.last_fired()

    async def fire_now(self) -> str:
        """Do at once what is done at planned times, and tell if it was. Raises Full, Unavailable.

        It counts as fired at this moment, and keeps nothing from being fired when it is due.
        """
        fired = await self.target.fire(self._clock.time())
        done = "not fired by hand: the message before it is unfinished"
        done = done if fired is Fired.OVERLAPPED else "fired by hand"
        log.info("%s: %s", self._id, done, extra=self._extra)
        return fired.name.lower()

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        done = await self._begin()
        ready()
        if upcoming := next(self._times.after(max(done, self._clock.time())), None):
            text = "%s: fires next at %s"
            log.info(text, self._id, shown(upcoming), extra=self._extra)
        try:
            while not stop.is_set():
                due = self.next_time = next(self._times.after(done), None)
                if due is None:  # its last day has passed
                    await stop.wait()
                    return
                if (wait := due - self._clock.time()) > 0:
                    await wait_for(stop, min(wait, self._clock.look), self._clock)
                else:
                    done = self._done = await self._fire_missed(due, stop)
        finally:
            await self.target.finish()

    async def _begin(self) -> float:
        """The moment after which planned times are to be fired."""
        if self._done is None:
            fired, now = await self.target.last_fired(), self._clock.time()
            self.last_time = fired
            # Beyond now if another program's clock is ahead, or ours was set back.
            self._done = now if fired is None else fired
            if self._catch_up.which == "none":
                self._done = max(self._done, now)
        return self._done

    async def _fire_missed(self, first: float, stop: asyncio.Event) -> float:
        """Fire what is due, from the planned time `first` on. Returns until when all is done."""
        now = self._clock.time()
        wanted = self._wanted(first, now)
        if not wanted or wanted[0] > first:
            self._tell_left_out(first, wanted[0] if wanted else None)
            self._count_left_out(first, wanted[0] if wanted else now + 1e-6)
        done = first if wanted else now
        for at in wanted:
            if not await self._fire(at, stop):
                break
            done = at
        return done

    def _wanted(self, first: float, now: float) -> Sequence[float]:
        """The planned times from `first` to now that are to be fired, or the first ones of them."""
        oldest = max(first, now - self._catch_up.within)
        if self._catch_up.which == "all":
            due = takewhile(lambda at: at <= now, self._times.after(oldest - 1e-6))
            return [*islice(due, _AT_ONCE)]
        last = latest(self._times, oldest, now)
        if last is None or (self._catch_up.which == "none" and now - last > LATE):
            return []
        return [last]

    async def _fire(self, at: float, stop: asyncio.Event) -> bool:
        """Fire a planned time, as soon as its target takes it. Returns False if that did not come
        before the stop.
        """
        attempt = 0
        while True:
            firing = self._firing = asyncio.get_running_loop().create_future()
            try:
                self._tell(at, await self.target.fire(at))
                return True
            except (Full, Unavailable) as error:
                attempt += 1
                if attempt == 1:
                    text = "%s: %s cannot be fired yet: %s"
                    log.warning(text, self._id, shown(at), error, extra=self._extra)
            finally:
                firing.set_result(None)
                self._firing = None
            if self._clock.time() - at > max(self._catch_up.within, LATE):
                self._tell_left_out(at, None)
                self._count_missed("late", 1)
                return True
            if await wait_for(stop, _RETRY.delay(attempt), self._clock):
                return False

    def _tell(self, at: float, fired: Fired) -> None:
        if fired is Fired.OVERLAPPED:
            self._count_missed("overlap", 1)
            self._overlapped += 1
            if self._overlapped == 1:
                text = "%s: %s is skipped: what an earlier time began is unfinished"
                log.warning(text, self._id, shown(at), extra=self._extra)
            return
        if self._overlapped > 1:
            text = "%s: fires again; %d times were skipped"
            log.warning(text, self._id, self._overlapped, extra=self._extra)
        self._overlapped = 0
        self.last_time = at
        if fired is not Fired.HERE:
            return
        late = self._clock.time() - at
        if self.schedule_tally is not None:
            self.schedule_tally.late.append(max(0.0, late))
        if late > LATE:
            text = "%s: fired %s, which was missed, %s late"
            log.warning(text, self._id, shown(at), format_duration(late), extra=self._extra)
        else:
            log.debug("%s: fired %s", self._id, shown(at), extra=self._extra)

    def _tell_left_out(self, first: float, until: float | None) -> None:
        """Log that planned times from `first` on are not fired, `until` the one that is."""
        more = "" if until is None else f" until {shown(until)}, which is fired"
        text = "%s: left out what was missed from %s on%s"
        log.warning(text, self._id, shown(first), more, extra=self._extra)

    def _count_left_out(self, first: float, until: float) -> None:
        """Count the planned times from `first` to before `until`, a thousand at most: there may be
        a million of them.
        """
        if self.schedule_tally is not None:
            left_out = takewhile(lambda at: at < until, self._times.after(first - 1e-6))
            self._count_missed("late", sum(1 for _ in islice(left_out, _AT_ONCE)))

    def _count_missed(self, reason: str, number: int) -> None:
        if self.schedule_tally is not None:
            self.schedule_tally.missed[reason] += number
