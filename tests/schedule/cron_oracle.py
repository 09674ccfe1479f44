"""An oracle for cron expressions in time zones, minute by minute, that shares no code with ours.

Debian's rule: an expression whose minute or hour begins with a star goes by the time that passes;
any other names times on the wall, and one that the clocks skip is due right after the gap, one that
they repeat is due the first time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
NAMES = {name: day for day, name in enumerate(DAYS)}
NAMES |= {name: month for month, name in enumerate(MONTHS, 1)}
RANGES = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]


def numbers(field: str, least: int, most: int) -> set[int]:
    """The numbers of a field made of lists, ranges and steps."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            low, high = least, most
        else:
            low = NAMES[first.upper()] if first.upper() in NAMES else int(first)
            high = low if not dash else NAMES[last.upper()] if last.upper() in NAMES else int(last)
        found.update(range(low, high + 1, int(step or 1)))
    return found


class Expression:
    def __init__(self, text: str) -> None:
        fields = text.split()
        self.minutes, self.hours, self.days, self.months, weekdays = (
            numbers(field, *bounds) for field, bounds in zip(fields, RANGES, strict=True)
        )
        self.weekdays = {day % 7 for day in weekdays}
        self.by_passing = fields[0].startswith("*") or fields[1].startswith("*")
        self.both_days = fields[2].startswith("*") or fields[4].startswith("*")

    def matches(self, wall: datetime) -> bool:
        if wall.minute not in self.minutes or wall.hour not in self.hours:
            return False
        day = wall.day in self.days
        weekday = wall.isoweekday() % 7 in self.weekdays
        suits = (day and weekday) if self.both_days else (day or weekday)
        return suits and wall.month in self.months


def planned(expression: Expression, zone: ZoneInfo, begin: datetime, end: datetime) -> list[float]:
    """The planned times after `begin` and until `end`, both UTC and whole minutes."""
    if expression.by_passing:
        count = int((end - begin) / MINUTE)
        moments = (begin + MINUTE * number for number in range(1, count + 1))
        return [
            moment.timestamp() for moment in moments if expression.matches(moment.astimezone(zone))
        ]
    wall = begin.astimezone(zone).replace(tzinfo=None) - timedelta(hours=30)
    last = end.astimezone(zone).replace(tzinfo=None) + timedelta(hours=30)
    found = set()
    while wall <= last:
        if expression.matches(wall):
            found.add(first_moment(wall, zone))
        wall += MINUTE
    return sorted(at.timestamp() for at in found if begin < at <= end)


def first_moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first moment at which the clocks show this time, or the first one after it."""
    while True:
        moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) == wall:
            return moment
        wall += MINUTE


def transitions(zone: ZoneInfo, first: int, last: int) -> list[datetime]:
    """The moments at which the zone's offset changes, from the year `first` to the year `last`."""
    found = []
    moment, end = datetime(first, 1, 1, tzinfo=UTC), datetime(last + 1, 1, 1, tzinfo=UTC)
    step = timedelta(days=1)
    while moment < end:
        if offset(moment, zone) != offset(moment + step, zone):
            found.append(_change_between(moment, moment + step, zone))
        moment += step
    return found


def offset(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()


def _change_between(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    before = offset(low, zone)
    while high - low > MINUTE:
        middle = low + (high - low) // 2
        middle = middle.replace(second=0, microsecond=0)
        if middle == low:
            break
        if offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high
