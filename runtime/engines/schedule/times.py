"""Times: the planned times of a schedule, which all programs agree on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from itertools import takewhile
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones

FIELDS = 5
"""The fields of a cron expression: minute, hour, day of the month, month, day of the week."""
_DAY = 86400.0


class Times(Protocol):
    """The planned times of a schedule, in seconds since 1970."""

    def after(self, moment: float) -> Iterator[float]:
        """The planned times later than `moment`, in order; endless, or as far as there are any."""
        ...

    def words(self) -> str:
        """The rule as people say it: `every 15 minutes`."""
        ...


class InvalidExpression(ValueError):
    """A cron expression that has no meaning; the text says why."""


class InvalidZone(ValueError):
    """There is no such time zone."""


class CronTimes:
    """Times by a cron expression, in a time zone of the IANA.

    As in Debian's cron: a fixed time that the clocks skip in spring is planned once, right after
    the gap, and one that they repeat in autumn once, the first time. An expression whose minute or
    hour begins with a star goes by the time that passes.
    """

    def __init__(self, expression: str, zone: str) -> None:
        """Raises InvalidExpression and InvalidZone."""
        from cronsim import CronSim, CronSimError  # 12 ms, for manifests that have schedules

        if len(expression.split()) != FIELDS:
            raise InvalidExpression(
                f"it has {len(expression.split())} fields, not {FIELDS}: minute, hour, day of the "
                "month, month, day of the week"
            )
        self._expression = expression
        self._zone = _zone(zone)
        self._name = zone
        minute, hour, *_ = expression.split()
        self._goes_by_passing = minute.startswith("*") or hour.startswith("*")
        self._simulate = CronSim
        try:
            next(CronSim(expression, datetime.fromtimestamp(0, UTC)))
        except CronSimError as error:
            raise InvalidExpression(_reason(str(error))) from None
        except StopIteration:
            raise InvalidExpression("there is no such day in the next 50 years") from None

    def after(self, moment: float) -> Iterator[float]:
        if self._goes_by_passing:
            return self._by_passing(moment)
        return self._by_wall(moment)

    def _by_wall(self, moment: float) -> Iterator[float]:
        last = moment
        for planned in self._simulate(self._expression, datetime.fromtimestamp(moment, self._zone)):
            at = planned.timestamp()
            # Of the two hours that autumn repeats the library begins with the first, and what
            # spring skips may fall on a time that is planned anyway.
            if at > last:
                yield at
                last = at

    def _by_passing(self, moment: float) -> Iterator[float]:
        # The library goes in whole hours over a change, and so misses times where that is of half
        # an hour (Lord Howe) or in the middle of one (Chatham). Between changes nothing is odd.
        offset = self._offset(moment)
        while True:
            wall = datetime.fromtimestamp(moment + offset, UTC)
            for planned in self._simulate(self._expression, wall):
                at = planned.timestamp() - offset
                change = self._change(moment, at, offset)
                if change is not None:
                    moment, offset = change - 1, self._offset(change)
                    break
                yield at
                moment = at
            else:
                return

    def _change(self, since: float, until: float, before: float) -> float | None:
        """The first second after `since`, and not after `until`, whose offset is not `before`."""
        low = since
        while low < until:
            high = min(low + _DAY, until)
            if self._offset(high) != before:
                while high - low > 1:
                    middle = (low + high) // 2
                    if self._offset(middle) == before:
                        low = middle
                    else:
                        high = middle
                return high
            low = high
        return None

    def _offset(self, moment: float) -> float:
        """Seconds that the clocks of the zone are ahead of UTC."""
        offset = datetime.fromtimestamp(moment, self._zone).utcoffset()
        return 0.0 if offset is None else offset.total_seconds()

    def words(self) -> str:
        simulated = self._simulate(self._expression, datetime.fromtimestamp(0, UTC))
        text: str = simulated.explain()
        return f"{text[:1].lower()}{text[1:]}, {self._name}"


class IntervalTimes:
    """Times in equal intervals since 1970, so that programs agree whenever they were started."""

    def __init__(self, seconds: float) -> None:
        """`seconds` is more than 0."""
        self._seconds = seconds

    def after(self, moment: float) -> Iterator[float]:
        number = math.floor(moment / self._seconds)
        while True:
            number += 1
            at = number * self._seconds
            if at > moment:  # not so if the quotient was rounded up
                yield at

    def words(self) -> str:
        from runtime.units import format_duration

        return f"every {format_duration(self._seconds)}"


def latest(times: Times, since: float, until: float) -> float | None:
    """The last planned time from `since` to `until`, both included; None if there is none."""
    span = 60.0
    while True:  # from the end on, since there may be a million of them
        begin = max(since, until - span)
        last = None
        for at in takewhile(lambda at: at <= until, times.after(begin - 1e-6)):
            last = at
        if last is not None or begin == since:
            return last
        span *= 16


def shown(at: float) -> str:
    """A planned time in UTC, as logs and headers have it: `2026-11-28T02:30:00Z`."""
    moment = datetime.fromtimestamp(at, UTC)
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


@cache
def zones() -> frozenset[str]:
    """The names of the time zones that this machine knows."""
    return frozenset(available_timezones())


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # OSError: the name of a folder
        raise InvalidZone(f"there is no time zone '{name}'") from None


def _reason(text: str) -> str:
    """The library's reason in our words: `Bad hour`."""
    if text.startswith("Bad "):
        return f"its {text[4:].replace('-', ' ')} means nothing"
    return text[:1].lower() + text[1:]
