"""schedule.cron: publishes a message, or calls a function, at planned times."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from runtime.codec import encode
from runtime.engines.queue.arguments import run_arguments
from runtime.engines.queue.body import InvalidBody
from runtime.engines.schedule.schedule import CatchUp, Schedule
from runtime.engines.schedule.tally import ScheduleTally
from runtime.engines.schedule.target import FunctionTarget, QueueTarget, Target
from runtime.engines.schedule.times import (
    CronTimes,
    IntervalTimes,
    InvalidExpression,
    InvalidZone,
    Times,
    zones,
)
from runtime.findings.finding import Note, Problem
from runtime.findings.suggestion import did_you_mean
from runtime.kind import Arguments, BuildContext, Kind, Linked, Stage, StartError
from runtime.kinds.function import Function
from runtime.kinds.queue import Queue, called_by
from runtime.units import format_duration

SHORTEST = 1.0
LONGEST = 366 * 86400.0
"""Seconds of an interval, and of the time within which missed ones are caught up."""
REMEMBERED = 7 * 86400.0
"""Seconds for which a driver remembers at least what was fired."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    cron: str | None
    every: float | None
    zone: str
    queue: Queue | None
    func: Function | None
    body: Any
    catch_up: str
    catch_up_within: float
    overlap: str


def build(config: Config, context: BuildContext) -> Schedule:
    id, overlap = str(context.id), config.overlap == "allow"
    tally = ScheduleTally() if context.scope.counts else None
    target: Target
    if config.queue is not None:
        target = QueueTarget(id, config.queue, encode(config.body), overlap)
    else:
        assert config.func is not None
        arguments = run_arguments(config.func, context.scope)
        try:
            target = FunctionTarget(id, config.func, config.body, overlap, arguments, tally)
        except InvalidBody as error:
            raise StartError(
                f"{context.position('body')}: the body does not fit '{config.func.id}': {error}"
            ) from None
    catch_up = CatchUp(config.catch_up, config.catch_up_within)
    times = _times(config.cron, config.every, config.zone)
    return Schedule(id, times, target, catch_up, context.clock, tally)


def _times(cron: str | None, every: float | None, zone: str) -> Times:
    if cron is not None:
        return CronTimes(cron, zone)
    assert every is not None
    return IntervalTimes(every)


def check(entry: Linked) -> Iterable[Arguments | Problem]:
    yield from _check_times(entry)
    yield from _check_target(entry)


def _check_times(entry: Linked) -> Iterable[Problem]:
    cron, every, zone = (entry.fields[name] for name in ("cron", "every", "zone"))
    if cron is None and every is None:
        hint = "write 'cron: \"30 2 * * *\"' or 'every: 15m'"
        yield Problem((), "nothing says when it fires", hint)
    elif cron is not None and every is not None:
        yield Problem(("every",), "both 'cron' and 'every' say when it fires", "remove one of them")
    elif every is not None and not SHORTEST <= every <= LONGEST:
        message = f"'every' is {format_duration(every)}, not 1s to 8784h"
        yield Problem(("every",), message)
    elif every is not None and zone != "UTC":
        message = "'zone' has no effect on 'every', which counts the seconds since 1970"
        yield Problem(("zone",), message, "remove it, or write a 'cron' expression")
    within = entry.fields["catch_up_within"]
    if within > REMEMBERED:
        message = (
            f"'catch_up_within' is {format_duration(within)}; what fired is remembered for 7 days"
        )
        yield Problem(("catch_up_within",), message, "write 168h at most")
    if cron is None:
        return
    try:
        CronTimes(cron, zone)
    except InvalidExpression as error:
        hint = "such as '30 2 * * 1-5': at 02:30 from Monday to Friday"
        yield Problem(("cron",), f"'{cron}' is no cron expression: {error}", hint)
    except InvalidZone as error:
        yield Problem(("zone",), str(error), _near_zone(zone))


def _near_zone(name: str) -> str:
    if not zones():
        return "this machine has no time zones; install the package 'tzdata'"
    hint = did_you_mean(name, zones())
    return hint or "write a name of the IANA, such as Europe/Berlin"


def _check_target(entry: Linked) -> Iterable[Arguments | Problem]:
    queue, func = entry.fields["queue"], entry.fields["func"]
    if queue is None and func is None:
        yield Problem((), "nothing is done when it fires", "name a 'queue', or a 'func'")
    elif queue is not None and func is not None:
        yield Problem(("func",), "it names both a queue and a function", "remove one of them")
    elif func is not None:
        yield called_by("a schedule", has_message=False, least=0)
        message = "each program of the application calls this function, and nobody tries again"
        hint = "name a 'queue' in its place, and it happens once"
        yield Note(("func",), message, hint)
    elif (target := entry.follow("queue")) and (driver := target.follow("driver")):
        if why := driver.kind.unsupported.get("schedule"):
            message = f"'{target.id}' cannot be scheduled: {why}"
            yield Problem(("queue",), message, f"make '{driver.id}' a queue.driver.sql")
        elif driver.kind.multiprocess is False:
            message = f"'{driver.id}' forgets what was fired when the program ends"
            hint = "with a queue.driver.sql, what was missed meanwhile is caught up"
            if entry.fields["catch_up"] != "none":
                yield Note(("catch_up",), message, hint)


def describe(entry: Linked) -> str:
    """The planned times in words."""
    cron, every, zone = (entry.fields[name] for name in ("cron", "every", "zone"))
    return _times(cron, every, zone).words()


kind = Kind("schedule.cron", Config, build, stage=Stage.CONSUMER, check=check, describe=describe)
