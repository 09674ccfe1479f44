"""Verdict: the state of an application in one sentence, by rules, the worst first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from runtime.engines.management.snapshot import (
    Cause,
    QueueStatus,
    ServiceStatus,
    Snapshot,
    Tone,
    Verdict,
)
from runtime.units import format_duration

SILENT = 30.0
"""Seconds without a poll after which a consumer counts as silent."""
LATE = 2.0
"""Seconds after which a snapshot says that the event loop does not answer."""
BACKLOG = 100
"""Waiting messages from which on a queue is worth a word."""
_TOLD = 3
"""Remarks that the sentence holds; all of them are among its causes."""
_WORDS = (
    *("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve"),
)


class Deaths(Struct, frozen=True):
    """The dead letters of a queue that died in the last 15 minutes."""

    count: int
    cause: str | None = None
    """That of most of them: `TypeError@process_task.py:22`."""


class Remark(Struct, frozen=True):
    """One rule's finding, as a clause that may stand within a sentence."""

    tone: Tone
    say: str
    cause: Cause
    ends: bool = False
    """True if not everything runs."""


def verdict(snapshot: Snapshot, deaths: Mapping[str, Deaths]) -> Verdict:
    """The verdict on a snapshot; `deaths` are those of its queues, by id."""
    remarks = [remark for rule in RULES for remark in rule(snapshot, deaths)]
    order: dict[Tone, int] = {"bad": 0, "warn": 1, "ok": 2}
    remarks.sort(key=lambda remark: (not remark.ends, order[remark.tone]))
    if snapshot.state == "stopping":
        return Verdict("warn", "The application is stopping.", _causes(remarks))
    if not remarks:
        return Verdict()
    tone = min((remark.tone for remark in remarks), key=order.__getitem__)
    broken = [remark.say for remark in remarks if remark.ends][:_TOLD]
    rest = [remark.say for remark in remarks if not remark.ends][: _TOLD - len(broken)]
    sentences = [f"{_capital(_joined(part))}." for part in (broken, rest) if part]
    if not broken:
        sentences.insert(0, "Everything runs.")
    return Verdict(tone, " ".join(sentences), _causes(remarks))


def number(count: int, noun: str) -> str:
    """`three messages`, `one message`, `1,204 messages`."""
    told = _WORDS[count] if 0 <= count < len(_WORDS) else f"{count:,}"
    return f"{told} {noun}{'' if count == 1 else 's'}"


def _blocked(snapshot: Snapshot, deaths: Mapping[str, Deaths]) -> Iterator[Remark]:
    blocked = snapshot.blocked
    if blocked is not None:
        who = f"{blocked.entry} has kept it" if blocked.entry else "it has been kept"
        at = f" at {blocked.where}" if blocked.where else ""
        say = f"the event loop is blocked: {who} for {format_duration(blocked.seconds)}{at}"
        yield Remark("bad", say, Cause("blocked", blocked.entry, 1, blocked.where), ends=True)
    elif snapshot.age > LATE:
        say = f"the event loop has not answered for {format_duration(snapshot.age)}"
        yield Remark("bad", say, Cause("blocked"), ends=True)


def _services(snapshot: Snapshot, deaths: Mapping[str, Deaths]) -> Iterator[Remark]:
    failed = [each for each in snapshot.services if each.state == "failed"]
    for each in failed[:1]:
        why = f": {each.error}" if each.error else ""
        more = f", and so have {number(len(failed) - 1, 'other')}" if len(failed) > 1 else ""
        say = f"{each.id} has failed{more}{why}"
        yield Remark("bad", say, Cause("failed", each.id, each.restarts, each.error), ends=True)
    for each in failed[1:]:
        yield Remark("bad", f"{each.id} has failed", Cause("failed", each.id), ends=True)
    for each in snapshot.services:
        if each.state == "starting" and each.attempt > 1:
            say = f"{each.id} is being started again, attempt {each.attempt}"
            cause = Cause("restarting", each.id, each.restarts, each.error)
            yield Remark("bad", say, cause, ends=True)
    if snapshot.state == "starting":
        ready = sum(_is_up(each) for each in snapshot.services)
        say = f"the application is starting: {ready} of {len(snapshot.services)} services are ready"
        yield Remark("warn", say, Cause("starting", None, ready), ends=True)


def _stores(snapshot: Snapshot, deaths: Mapping[str, Deaths]) -> Iterator[Remark]:
    has_failed = any(each.state == "failed" for each in snapshot.services)  # that is said already
    for each in snapshot.services:
        if each.unreachable is not None and not has_failed:
            say = f"{each.id} is cut off: {each.unreachable}"
            yield Remark("bad", say, Cause("unreachable", each.id, 0, each.unreachable), ends=True)
        if each.rejecting is not None:
            say = f"{each.id} has rejected writes in the last minute: {each.rejecting}"
            yield Remark("bad", say, Cause("rejecting", each.id, 0, each.rejecting))


def _silence(snapshot: Snapshot, deaths: Mapping[str, Deaths]) -> Iterator[Remark]:
    for each in snapshot.services:
        is_busy = each.workers is not None and each.workers.busy >= each.workers.of
        if each.last_poll is not None and each.last_poll > SILENT and not is_busy:
            since = format_duration(each.last_poll)
            say = f"{each.id} has not asked its queue for {since}"
            yield Remark("bad", say, Cause("silent", each.id), ends=True)


def _full(snapshot: Snapshot, deaths: Mapping[str, Deaths]) -> Iterator[Remark]:
    for each in snapshot.queues:
        if each.max_length and _waiting(each) + (each.running or 0) >= each.max_length:
            say = f"{each.id} is full ({each.max_length:,} messages), so publishers are refused"
            yield Remark("bad", say, Cause("full", each.id, each.max_length))


def _deaths(snapshot: Snapshot, deaths: Mapping[str, Deaths]) -> Iterator[Remark]:
    died = {id: each for id, each in deaths.items() if each.count}
    count = sum(each.count for each in died.values())
    for id, each in died.items():
        say = f"{number(count, 'message')} died in the last 15 minutes"
        yield Remark("warn", say, Cause("dead", id, each.count, each.cause))


def _refused(snapshot: Snapshot, deaths: Mapping[str, Deaths]) -> Iterator[Remark]:
    if snapshot.refused:
        count = len(snapshot.refused)
        say = f"the last reload was refused for {number(count, 'finding')}, so the old version runs"
        yield Remark("warn", say, Cause("reload", None, count, snapshot.refused[0]))


def _requests(snapshot: Snapshot, deaths: Mapping[str, Deaths]) -> Iterator[Remark]:
    failed = [each for each in snapshot.endpoints if each.failed_15m]
    count = sum(each.failed_15m for each in failed)
    for each in failed:
        say = f"{number(count, 'request')} failed in the last 15 minutes"
        yield Remark("warn", say, Cause("requests", each.id, each.failed_15m))


def _backlog(snapshot: Snapshot, deaths: Mapping[str, Deaths]) -> Iterator[Remark]:
    for each in snapshot.queues:
        waiting = _waiting(each)
        if each.paused:
            say = f"{each.id} is paused with {number(waiting, 'message')} waiting"
            yield Remark("warn", say, Cause("paused", each.id, waiting))
        elif waiting >= BACKLOG and each.in_rate > each.out_rate * 1.05:
            say = f"{each.id} grows by {each.in_rate - each.out_rate:.3g} messages a second"
            yield Remark("warn", say, Cause("backlog", each.id, waiting))
        elif waiting >= BACKLOG and each.empty_in is not None:
            yield Remark("ok", f"{each.id} is catching up", Cause("backlog", each.id, waiting))


Rule = Callable[[Snapshot, Mapping[str, Deaths]], Iterator[Remark]]

RULES: tuple[Rule, ...] = (
    _blocked,
    _services,
    _stores,
    _silence,
    _full,
    _refused,
    _deaths,
    _requests,
    _backlog,
)


def _causes(remarks: list[Remark]) -> tuple[Cause, ...]:
    return tuple(remark.cause for remark in remarks)


def _joined(clauses: list[str]) -> str:
    """The clauses as one sentence; one that several rules made stands once."""
    told = [*dict.fromkeys(clauses)]
    return ", and ".join(filter(None, (", ".join(told[:-1]), told[-1])))


def _capital(text: str) -> str:
    """The sentence with a capital, unless it begins with the name of an entry."""
    return text if ":" in text.partition(" ")[0] else text[0].upper() + text[1:]


def _is_up(service: ServiceStatus) -> bool:
    return service.ready or service.state == "exited"


def _waiting(queue: QueueStatus) -> int:
    return (queue.ready or 0) + (queue.delayed or 0)
