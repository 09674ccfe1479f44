"""The suite that every queue driver must pass: `check(entrant, case)` for each case of `CASES`.

To enter a driver, add an `Entrant` to `tests/support/implementations.py`. It says

    open    a context manager that gives the driver, fresh and not running: what `queue.queue`
            names in `driver`, with `declare` to make lines and `run` to be their service.
            What it makes outside of this program it takes away at the end.
    lacks   its kind's `unsupported`: by the names of `CAPABILITIES`, what it cannot do. The cases
            that need it are left out; all others must pass, and none asks which driver it has.

A case is a coroutine function, which is given what its parameters name:

    line, other   two lines of the driver, which runs, with room for `MAX_LENGTH` messages each
    foreign       a line of another driver, with the same room
    bench         the driver and its service: to declare more lines, to stop and to start it
    idle          the same, before the service was ever started
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

import pytest

from runtime.engines.queue.dead_letter import letter
from runtime.engines.queue.driver_queue import (
    Closed,
    DriverQueue,
    Full,
    Info,
    NotHeld,
    Subscription,
)
from runtime.engines.queue.message import Message, next_id
from runtime.engines.queue.outcome import Reason
from runtime.kinds.queue.driver import DriverOptions, MemoryOptions, SqlOptions
from runtime.service import Unavailable
from tests.support.consuming import SOON, Running

MAX_LENGTH = 5
ROOM = 10_000
"""The `max_length` of lines whose bound is not the subject."""
LATER, NEVER = 0.05, 3600.0
"""Seconds of delay: one that is waited for, and one that is not."""

CAPABILITIES = ("delay", "max_length", "priority", "unique", "transaction")
"""What a driver may be without, if its kind says so."""

Case = Callable[..., Awaitable[None]]
CASES: list[Case] = []


class Service(Protocol):
    """A driver that is its own service, as every component of a `queue.driver.*` kind is."""

    def declare(self, name: str, options: DriverOptions) -> DriverQueue: ...

    async def run(self, ready: Callable[..., None], stop: asyncio.Event) -> None: ...


@dataclass(frozen=True, slots=True)
class Entrant:
    """A driver that takes part."""

    open: Callable[[], AbstractAsyncContextManager[Service]]
    lacks: Mapping[str, str]


class Bench:
    """A driver under test, whose service is started and stopped at will."""

    def __init__(self, driver: Service) -> None:
        self.driver = driver
        self._running: Running | None = None

    def line(self, name: str, max_length: int = MAX_LENGTH) -> DriverQueue:
        options = DriverOptions(
            memory=MemoryOptions(max_length=max_length),
            sql=SqlOptions(max_length=max_length),
            amqp={},
            sqs={},
        )
        return self.driver.declare(name, options)

    async def start(self) -> None:
        self._running = Running(self.driver)
        await asyncio.wait_for(self._running.ready.wait(), SOON)

    async def stop(self) -> None:
        if self._running is not None:
            await self._running.end()
            self._running = None


async def check(entrant: Entrant, other_driver: Entrant, case: Case) -> None:
    """Put a driver through one case; `foreign` is a line of the other driver."""
    assert set(entrant.lacks) <= set(CAPABILITIES)
    for name in getattr(case, "needs", ()):
        if why := entrant.lacks.get(name):
            pytest.skip(f"the driver has no {name}: {why}")
    names = inspect.signature(case).parameters
    async with AsyncExitStack() as stack:
        bench = Bench(await stack.enter_async_context(entrant.open()))
        stack.push_async_callback(bench.stop)
        given: dict[str, Any] = {
            "bench": bench,
            "idle": bench,
            "line": bench.line("line"),
            "other": bench.line("other"),
        }
        if "idle" not in names:
            await bench.start()
        if "foreign" in names:
            abroad = Bench(await stack.enter_async_context(other_driver.open()))
            stack.push_async_callback(abroad.stop)
            given["foreign"] = abroad.line("foreign")
            await abroad.start()
        await case(**{name: given[name] for name in names})


def case(test: Case) -> Case:
    CASES.append(test)
    return test


def needs(*capabilities: str) -> Callable[[Case], Case]:
    """Stands under `@case`: leave it out for drivers that lack one of these."""
    assert set(capabilities) <= set(CAPABILITIES)

    def mark(test: Case) -> Case:
        test.needs = capabilities  # type: ignore[attr-defined]
        return test

    return mark


def a_message(body: str = "1", **headers: str) -> Message:
    return Message(next_id(), body.encode(), headers)


def a_ranked_message(body: str, priority: int) -> Message:
    return Message(next_id(), body.encode(), priority=priority)


def a_keyed_message(key: str) -> Message:
    return Message(next_id(), b"1", unique=key)


def dead(message: Message, reason: Reason = Reason.REJECTED) -> Message:
    """The dead letter that becomes of a message."""
    return letter(message, "app:q", reason, None)


async def publish(line: DriverQueue, bodies: Iterable[object]) -> None:
    for body in bodies:
        await line.publish(a_message(str(body)))


async def received(subscription: Subscription) -> Message:
    return await asyncio.wait_for(subscription.receive(), SOON)


async def bodies(subscription: Subscription, count: int) -> list[str]:
    """The next ones, which stay in hand."""
    return [(await received(subscription)).body.decode() for _ in range(count)]


async def nothing_else(line: DriverQueue, subscription: Subscription) -> bool:
    """Whether what is published now comes next, so that nothing was there before it."""
    last = a_message("null")
    await line.publish(last)
    return (await received(subscription)).id == last.id


def lost(settle: Awaitable[None]) -> Any:
    """A settlement that must be refused."""

    async def refused() -> None:
        with pytest.raises(NotHeld):
            await settle

    return refused()


def held_in(info: Info) -> int:
    """What a line's bound counts."""
    return info.ready + info.delayed + info.in_flight


# Messages


@case
async def messages_come_in_the_order_they_were_published(
    line: DriverQueue, other: DriverQueue
) -> None:
    for body in "123":
        await line.publish(a_message(body))
    subscription = line.subscribe(10)

    assert [(await received(subscription)).body for _ in "123"] == [b"1", b"2", b"3"]


@case
async def a_message_keeps_id_body_and_headers(line: DriverQueue, other: DriverQueue) -> None:
    sent = a_message('{"text": "añ😀"}', trace="ü")
    await line.publish(sent)
    got = await received(line.subscribe(10))

    assert (sent.id, '{"text": "añ😀"}', {"trace": "ü"}) == (
        got.id,
        got.body.decode(),
        dict(got.headers),
    )


@case
async def a_body_of_a_mebibyte_passes(line: DriverQueue, other: DriverQueue) -> None:
    body = '"' + "x" * 2**20 + '"'
    await line.publish(a_message(body))

    assert body == (await received(line.subscribe(10))).body.decode()


@case
async def a_body_passes_byte_for_byte(line: DriverQueue) -> None:
    sent = [
        '{"a" : 1.0e5,\n "b":"\\u0000\\ud83d\\ude00"}',
        "null",
        '""',
        " 1 ",
        "[" * 90 + "]" * 90,
    ]
    await publish(line, sent)

    assert await bodies(line.subscribe(10), 5) == sent


@case
async def headers_pass_as_they_are(line: DriverQueue) -> None:
    headers = {f"n{number}": "x" * number for number in range(100)}
    headers |= {"": "", "Case": "1", "case": "2", "quote\"'": "\\", "line": "a\r\n\0b", "añ": "😀"}
    await line.publish(Message(next_id(), b"1", headers))
    await line.publish(Message(next_id(), b"2"))
    subscription = line.subscribe(10)

    assert dict((await received(subscription)).headers) == headers
    assert dict((await received(subscription)).headers) == {}


@case
async def a_retried_message_is_the_same_one(line: DriverQueue) -> None:
    sent = Message(next_id(), b"[1]", {"trace": "t"}, 0, 1234.5)
    await line.publish(sent)
    subscription = line.subscribe(10)
    await subscription.retry(await received(subscription), 0)
    again = await received(subscription)

    assert (again.id, again.body, dict(again.headers), again.published) == (
        sent.id,
        b"[1]",
        {"trace": "t"},
        1234.5,
    )


@case
async def equal_bodies_are_different_messages(line: DriverQueue) -> None:
    await publish(line, "77")
    subscription = line.subscribe(10)
    first, second = await received(subscription), await received(subscription)
    await subscription.ack(first)

    assert first.id != second.id
    assert held_in(await line.info()) == 1


# Lines


@case
@needs("delay")
async def info_tells_where_messages_are(line: DriverQueue, other: DriverQueue) -> None:
    for _ in range(3):
        await line.publish(a_message())
    await line.publish(a_message(), 60)
    subscription = line.subscribe(1)
    await received(subscription)
    dead = await received(subscription)
    await subscription.bury(dead, letter(dead, "app:q", Reason.REJECTED, None), None)

    info = await line.info()
    assert (info.ready + info.delayed + info.in_flight, info.dead) == (3, 1)
    assert info.delayed == 1
    assert info.in_flight >= 1


@case
async def an_empty_line_says_so(line: DriverQueue) -> None:
    assert await line.info() == Info(0, 0, 0, 0)
    assert list(await line.dead_letters()) == []


@case
async def many_lines_of_one_driver_do_not_touch_each_other(bench: Bench) -> None:
    names = [f"line {number}" for number in range(20)] + [
        "ü",
        "a'b\"c",
        "a/b",
        "LINE 1",
        "%",
        "x" * 99,
    ]
    lines = [bench.line(name) for name in names]
    for line in lines:
        await publish(line, [f'"{line.name.encode().hex()}"'] * 2)

    for line in lines:
        assert line.name in names
        assert await bodies(line.subscribe(10), 2) == [f'"{line.name.encode().hex()}"'] * 2
        assert held_in(await line.info()) == 2


@case
@needs("max_length")
async def a_line_declared_again_keeps_its_messages_and_takes_the_new_length(bench: Bench) -> None:
    await publish(bench.line("line", 2), "12")
    line = bench.line("line", 3)
    await publish(line, "3")
    with pytest.raises(Full):
        await publish(line, "4")

    assert await bodies(line.subscribe(10), 3) == ["1", "2", "3"]


# Receiving


@case
async def a_waiting_receiver_gets_what_is_published(line: DriverQueue, other: DriverQueue) -> None:
    waiting = asyncio.ensure_future(line.subscribe(10).receive())
    await asyncio.sleep(0)
    await line.publish(a_message("7"))

    assert (await asyncio.wait_for(waiting, SOON)).body == b"7"


@case
async def each_of_many_receivers_gets_a_message_of_its_own(
    line: DriverQueue, other: DriverQueue
) -> None:
    first, second = line.subscribe(1), line.subscribe(1)
    waiting = [asyncio.ensure_future(s.receive()) for s in (first, second, first, second)]
    await asyncio.sleep(0)
    for number in range(4):
        await line.publish(a_message(str(number)))
    got = await asyncio.wait_for(asyncio.gather(*waiting), SOON)

    assert sorted(message.body for message in got) == [b"0", b"1", b"2", b"3"]


@case
async def a_cancelled_receiver_loses_no_message(line: DriverQueue, other: DriverQueue) -> None:
    subscription = line.subscribe(1)
    cancelled = asyncio.ensure_future(subscription.receive())
    waiting = asyncio.ensure_future(subscription.receive())
    await asyncio.sleep(0)
    await line.publish(a_message("7"))
    cancelled.cancel()  # it was woken for the message, and will not take it

    assert (await asyncio.wait_for(waiting, SOON)).body == b"7"


@case
async def receivers_that_are_cancelled_in_a_burst_leave_it_to_the_others(line: DriverQueue) -> None:
    subscription = line.subscribe(2)
    waiting = [asyncio.ensure_future(subscription.receive()) for _ in range(2 * MAX_LENGTH)]
    await asyncio.sleep(0)
    await publish(line, range(MAX_LENGTH))
    for receiver in waiting[::2]:
        receiver.cancel()
    await asyncio.wait(waiting[::2])
    taken = [receiver.result() for receiver in waiting[::2] if not receiver.cancelled()]
    rest = [receiver for receiver in waiting[1::2]]
    while len(taken) < MAX_LENGTH:
        done, _ = await asyncio.wait(rest, timeout=SOON, return_when=asyncio.FIRST_COMPLETED)
        assert done, "a message was lost"
        taken += [receiver.result() for receiver in done]
        rest = [receiver for receiver in rest if receiver not in done]
    await subscription.close()
    ended = await asyncio.gather(*rest, return_exceptions=True)

    assert sorted(message.body for message in taken) == [b"0", b"1", b"2", b"3", b"4"]
    assert [type(error) for error in ended] == [Closed] * len(rest)


@case
async def a_wait_that_was_given_up_takes_nothing_with_it(line: DriverQueue) -> None:
    subscription = line.subscribe(10)
    for _ in range(3):
        waiting = asyncio.ensure_future(subscription.receive())
        await line.info()  # long enough to be waiting
        waiting.cancel()
        await asyncio.wait([waiting])
    await publish(line, "7")

    message = await received(subscription)
    assert (message.body, message.attempt) == (b"7", 1)


@case
async def the_order_holds_at_every_prefetch(bench: Bench) -> None:
    for prefetch in (0, 1, 2, 3, 100):
        line = bench.line(f"line{prefetch}", ROOM)
        await publish(line, range(50))
        subscription = line.subscribe(prefetch)
        got = []
        for _ in range(50):
            message = await received(subscription)
            got.append(int(message.body))
            await subscription.ack(message)

        assert got == list(range(50))


@case
async def no_more_than_the_prefetch_is_claimed_ahead(line: DriverQueue) -> None:
    await publish(line, range(5))
    subscription = line.subscribe(2)
    await subscription.ack(await received(subscription))
    await received(subscription)

    for _ in range(5):  # it may be claiming
        assert (await line.info()).in_flight <= 2


@case
async def with_a_prefetch_of_0_nothing_is_claimed_that_nobody_receives(line: DriverQueue) -> None:
    await publish(line, range(5))
    subscription = line.subscribe(0)
    for held in range(1, 4):
        await received(subscription)
        for _ in range(3):  # it may be claiming
            assert (await line.info()).in_flight == held


@case
async def more_receivers_than_the_prefetch_are_all_served(line: DriverQueue) -> None:
    subscription = line.subscribe(1)
    waiting = [asyncio.ensure_future(subscription.receive()) for _ in range(5)]
    await asyncio.sleep(0)
    await publish(line, range(5))
    got = await asyncio.wait_for(asyncio.gather(*waiting), SOON)

    assert sorted(message.body for message in got) == [b"0", b"1", b"2", b"3", b"4"]


@case
async def what_one_subscription_did_not_claim_is_there_for_another(line: DriverQueue) -> None:
    await publish(line, range(5))
    slow, quick = line.subscribe(1), line.subscribe(10)
    first = await received(slow)

    assert first.body == b"0"
    assert await bodies(quick, 4) == ["1", "2", "3", "4"]


@case
async def a_burst_is_received_once_by_whoever_takes_it(bench: Bench) -> None:
    line = bench.line("burst", ROOM)
    subscriptions = [line.subscribe(prefetch) for prefetch in (1, 7, 50)]
    seen: list[bytes] = []

    async def work(subscription: Subscription) -> None:
        while True:
            try:
                message = await subscription.receive()
            except Closed:
                return
            seen.append(message.body)
            await subscription.ack(message)
            if len(seen) == 300:
                await asyncio.gather(*(each.close() for each in subscriptions))

    workers = [asyncio.ensure_future(work(each)) for each in subscriptions for _ in range(3)]
    await asyncio.gather(*(publish(line, range(start, start + 30)) for start in range(0, 300, 30)))
    await asyncio.wait_for(asyncio.gather(*workers), SOON)

    assert sorted(map(int, seen)) == list(range(300))
    assert await line.info() == Info(0, 0, 0, 0)


# Priority


@case
@needs("priority")
async def a_higher_priority_goes_first_and_equals_in_order(
    line: DriverQueue, other: DriverQueue
) -> None:
    for body, priority in (("1", 0), ("2", -9), ("3", 9), ("4", 0), ("5", 9)):
        await line.publish(a_ranked_message(body, priority))
    subscription = line.subscribe(1)

    assert [(await received(subscription)).body for _ in "12345"] == [b"3", b"5", b"1", b"4", b"2"]


@case
@needs("priority")
async def a_message_keeps_its_priority_when_it_comes_again(
    line: DriverQueue, other: DriverQueue
) -> None:
    subscription = line.subscribe(1)
    await line.publish(a_ranked_message("1", 5))
    urgent = await received(subscription)
    await line.publish(a_message("2"))
    await subscription.retry(urgent, 0)
    again = await received(subscription)
    await subscription.release([again])

    assert [again.body, (await received(subscription)).body] == [b"1", b"1"]
    assert (await received(subscription)).body == b"2"


@case
@needs("priority", "delay")
async def a_delayed_message_joins_its_priority(line: DriverQueue, other: DriverQueue) -> None:
    subscription = line.subscribe(1)
    await line.publish(a_ranked_message("1", 5), 0.05)
    first = await received(subscription)
    await line.publish(a_message("2"))
    await line.publish(a_ranked_message("3", 5))

    assert first.body == b"1"
    assert [(await received(subscription)).body for _ in "23"] == [b"3", b"2"]


# Keys


@case
@needs("unique", "delay")
async def of_one_key_there_is_one_message_ready_delayed_or_in_hand(
    line: DriverQueue, other: DriverQueue
) -> None:
    first, second = a_keyed_message("invoice 7"), a_keyed_message("invoice 8")
    subscription = line.subscribe(1)

    assert await line.publish(first) == first.id
    assert await line.publish(a_keyed_message("invoice 7")) == first.id
    assert await line.publish(second, 60) == second.id
    assert await line.publish(a_keyed_message("invoice 8")) == second.id
    in_hand = await received(subscription)
    assert await line.publish(a_keyed_message("invoice 7")) == first.id
    await subscription.retry(in_hand, 60)
    assert await line.publish(a_keyed_message("invoice 7")) == first.id
    assert await line.info() == Info(0, 2, 0, 0)


@case
@needs("unique")
async def a_key_is_free_again_once_its_message_is_done_or_dead(
    line: DriverQueue, other: DriverQueue
) -> None:
    subscription = line.subscribe(1)
    await line.publish(a_keyed_message("invoice 7"))
    await subscription.ack(await received(subscription))
    second, third = a_keyed_message("invoice 7"), a_keyed_message("invoice 7")
    assert await line.publish(second) == second.id
    dead = await received(subscription)
    await subscription.bury(dead, letter(dead, "app:q", Reason.REJECTED, None), other)

    assert await line.publish(third) == third.id
    info = await line.info()
    assert info.ready + info.in_flight == 1


@case
@needs("unique")
async def a_key_is_of_one_queue(line: DriverQueue, other: DriverQueue) -> None:
    here, there = a_keyed_message("invoice 7"), a_keyed_message("invoice 7")

    assert (await line.publish(here), await other.publish(there)) == (here.id, there.id)


@case
@needs("unique", "max_length")
async def a_key_that_is_there_is_told_of_a_full_line_too(
    line: DriverQueue, other: DriverQueue
) -> None:
    first = a_keyed_message("invoice 7")
    await line.publish(first)
    for _ in range(MAX_LENGTH - 1):
        await line.publish(a_message())

    assert await line.publish(a_keyed_message("invoice 7")) == first.id


@case
@needs("unique")
async def many_who_publish_a_key_at_once_hear_one_id(line: DriverQueue, other: DriverQueue) -> None:
    publishing = [line.publish(a_keyed_message("invoice 7")) for _ in range(50)]

    assert len(set(await asyncio.gather(*publishing))) == 1
    assert (await line.info()).ready == 1


# Attempts


@case
async def an_attempt_is_counted_when_a_message_is_handed_out(
    line: DriverQueue, other: DriverQueue
) -> None:
    await line.publish(a_message())
    subscription = line.subscribe(10)
    attempts = []
    for _ in range(3):
        message = await received(subscription)
        attempts.append(message.attempt)
        await subscription.retry(message, 0)

    assert attempts == [1, 2, 3]


@case
async def each_message_counts_its_own_attempts(line: DriverQueue) -> None:
    await publish(line, "12")
    subscription = line.subscribe(10)
    first, second = await received(subscription), await received(subscription)
    await subscription.retry(first, 0)
    await subscription.release([second])
    again = [await received(subscription) for _ in "12"]

    assert {message.body: message.attempt for message in again} == {b"1": 2, b"2": 1}


@case
async def a_release_after_a_retry_gives_back_one_attempt_only(line: DriverQueue) -> None:
    await publish(line, "1")
    subscription = line.subscribe(10)
    await subscription.retry(await received(subscription), 0)
    for _ in range(3):
        message = await received(subscription)
        assert message.attempt == 2
        await subscription.release([message])

    assert (await received(subscription)).attempt == 2


# Settling


@case
async def an_acked_message_is_gone(line: DriverQueue, other: DriverQueue) -> None:
    await line.publish(a_message())
    subscription = line.subscribe(10)
    await subscription.ack(await received(subscription))

    assert await line.info() == Info(0, 0, 0, 0)


@case
async def messages_are_settled_in_any_order_and_together(bench: Bench) -> None:
    line = bench.line("many", ROOM)
    await publish(line, range(100))
    subscription = line.subscribe(100)
    held = [await received(subscription) for _ in range(100)]
    await subscription.ack(held.pop())
    await asyncio.gather(*(subscription.ack(message) for message in held[::2] + held[1::2]))

    assert await line.info() == Info(0, 0, 0, 0)


@case
@needs("delay")
async def a_delayed_message_does_not_come_early(line: DriverQueue, other: DriverQueue) -> None:
    subscription = line.subscribe(10)
    began = monotonic()
    await line.publish(a_message("late"), 0.05)
    await line.publish(a_message("soon"))
    first, second = await received(subscription), await received(subscription)

    assert [first.body, second.body] == [b"soon", b"late"]
    assert monotonic() - began >= 0.05


@case
@needs("delay")
async def delayed_messages_come_in_the_order_of_their_times(
    line: DriverQueue, other: DriverQueue
) -> None:
    subscription = line.subscribe(10)
    for body, delay in ("3", 0.06), ("1", 0.02), ("2", 0.04):
        await line.publish(a_message(body), delay)

    assert [(await received(subscription)).body for _ in "123"] == [b"1", b"2", b"3"]


@case
@needs("delay")
async def a_retry_waits_for_its_delay(line: DriverQueue, other: DriverQueue) -> None:
    await line.publish(a_message())
    subscription = line.subscribe(10)
    began = monotonic()
    await subscription.retry(await received(subscription), 0.05)
    again = await received(subscription)

    assert monotonic() - began >= 0.05
    assert again.attempt == 2


@case
@needs("delay")
async def retries_come_in_the_order_of_their_delays(line: DriverQueue) -> None:
    await publish(line, "12")
    subscription = line.subscribe(10)
    first, second = await received(subscription), await received(subscription)
    await subscription.retry(first, 2 * LATER)
    await subscription.retry(second, LATER)

    assert await bodies(subscription, 2) == ["2", "1"]


@case
async def a_retry_at_once_goes_behind_what_is_ready(line: DriverQueue) -> None:
    await publish(line, "123")
    subscription = line.subscribe(1)
    await subscription.retry(await received(subscription), 0)
    got = []
    for _ in range(3):
        message = await received(subscription)
        got.append((message.body, message.attempt))
        await subscription.ack(message)

    assert got == [(b"2", 1), (b"3", 1), (b"1", 2)]


@case
@needs("delay")
async def what_waits_for_its_retry_is_in_nobodys_hand(line: DriverQueue) -> None:
    await publish(line, "1")
    subscription = line.subscribe(10)
    message = await received(subscription)
    await subscription.retry(message, NEVER)
    await lost(subscription.ack(message))
    await subscription.release([message])

    assert await line.info() == Info(0, 1, 0, 0)
    assert await nothing_else(line, subscription)


@case
@needs("delay")
async def a_delay_of_nothing_is_none(line: DriverQueue) -> None:
    await line.publish(a_message("1"), 0.0)
    await line.publish(a_message("2"), -1.0)

    assert await bodies(line.subscribe(10), 2) == ["1", "2"]


@case
@needs("delay")
async def a_delayed_message_is_whole_and_unspent_when_it_comes(line: DriverQueue) -> None:
    subscription = line.subscribe(10)
    waiting = asyncio.ensure_future(received(subscription))
    sent = a_message('"ü"', trace="t")
    await line.publish(sent, LATER)
    got = await waiting

    assert (got.id, got.body, dict(got.headers), got.attempt) == (
        sent.id,
        sent.body,
        {"trace": "t"},
        1,
    )


@case
@needs("delay")
async def a_delay_of_years_keeps_nobody_from_its_turn(line: DriverQueue) -> None:
    subscription = line.subscribe(10)
    await line.publish(a_message("1"), 10 * 365 * 86_400.0)
    await line.publish(a_message("2"), LATER)
    await line.publish(a_message("3"), 400 * 365 * 86_400.0)

    assert (await received(subscription)).body == b"2"
    assert (await line.info()).delayed == 2


@case
async def a_released_message_is_first_again_and_spent_no_attempt(
    line: DriverQueue, other: DriverQueue
) -> None:
    for body in "123":
        await line.publish(a_message(body))
    subscription = line.subscribe(10)
    held = [await received(subscription), await received(subscription)]
    await subscription.release(held)
    again = [await received(subscription) for _ in "123"]

    assert [message.body for message in again] == [b"1", b"2", b"3"]
    assert [message.attempt for message in again] == [1, 1, 1]


@case
async def what_is_released_comes_before_what_waits(line: DriverQueue) -> None:
    await publish(line, "12345")
    subscription = line.subscribe(1)
    held = [await received(subscription)]
    held += [await asyncio.wait_for(subscription.receive(), SOON) for _ in "23"]
    await subscription.ack(held[1])
    await subscription.release([held[0], held[2]])

    assert await bodies(subscription, 4) == ["1", "3", "4", "5"]


@case
async def a_release_takes_what_is_held_and_passes_over_the_rest(line: DriverQueue) -> None:
    await publish(line, "123")
    subscription = line.subscribe(10)
    first, second, third = [await received(subscription) for _ in "123"]
    await subscription.ack(second)
    await subscription.release([])
    await subscription.release([first, second, third])
    await subscription.release([first, second, third])

    assert await bodies(subscription, 2) == ["1", "3"]
    assert await nothing_else(line, subscription)


@case
async def a_message_is_settled_once(line: DriverQueue, other: DriverQueue) -> None:
    await line.publish(a_message())
    subscription = line.subscribe(10)
    message = await received(subscription)
    await subscription.ack(message)
    dead = letter(message, "app:q", Reason.REJECTED, None)
    for settle in (
        subscription.ack(message),
        subscription.retry(message, 0),
        subscription.bury(message, dead, None),
    ):
        with pytest.raises(NotHeld):
            await settle
    await subscription.release([message])

    assert await line.info() == Info(0, 0, 0, 0)


@case
async def nothing_is_settled_after_any_settlement(bench: Bench) -> None:
    line = bench.line("settled", ROOM)
    subscription = line.subscribe(10)
    for ended in range(4):
        await publish(line, "1")
        message = await received(subscription)
        match ended:
            case 0:
                await subscription.ack(message)
            case 1:
                await subscription.retry(message, NEVER)
            case 2:
                await subscription.bury(message, dead(message), None)
            case 3:
                await subscription.release([message])
        before = held_in(await line.info())
        await lost(subscription.ack(message))
        await lost(subscription.retry(message, 0))
        await lost(subscription.bury(message, dead(message), None))

        assert held_in(await line.info()) == before
        assert len(await line.dead_letters()) == (ended >= 2)


@case
async def of_settlements_at_one_time_one_wins(bench: Bench) -> None:
    line, other = bench.line("line", ROOM), bench.line("other", ROOM)
    subscription = line.subscribe(1)
    left = 0
    for first in range(4):
        await publish(line, "1")
        message = await received(subscription)
        settlements = [
            subscription.ack(message),
            subscription.retry(message, NEVER),
            subscription.bury(message, dead(message), other),
            subscription.bury(message, dead(message), None),
        ]
        settlements = settlements[first:] + settlements[:first]
        answers = await asyncio.gather(*settlements, return_exceptions=True)
        won = [kind for kind, answer in enumerate(answers) if answer is None]
        left += (won[0] + first) % 4 != 0  # something remains, unless it was acked
        here, there = await line.info(), await other.info()

        assert len(won) == 1
        assert [type(answer) for answer in answers if answer is not None] == [NotHeld] * 3
        assert held_in(here) + here.dead + held_in(there) == left


@case
async def an_old_hand_out_cannot_settle_the_new_one(line: DriverQueue, other: DriverQueue) -> None:
    await line.publish(a_message())
    subscription = line.subscribe(10)
    old = await received(subscription)
    await subscription.retry(old, 0)
    new = await received(subscription)
    with pytest.raises(NotHeld):
        await subscription.ack(old)

    assert new.attempt == 2
    await subscription.ack(new)


# The bound


@case
@needs("max_length", "delay")
async def a_full_line_refuses_at_once_and_takes_again_later(
    line: DriverQueue, other: DriverQueue
) -> None:
    await line.publish(a_message(), 60)
    for _ in range(MAX_LENGTH - 1):
        await line.publish(a_message())
    subscription = line.subscribe(1)
    message = await received(subscription)
    with pytest.raises(Full, match="holds 5 messages"):
        await line.publish(a_message())
    await subscription.ack(message)

    await line.publish(a_message())
    with pytest.raises(Full):
        await line.publish(a_message(), 60)


@case
@needs("max_length")
async def what_is_in_hand_takes_up_room(line: DriverQueue) -> None:
    await publish(line, "12345")
    subscription = line.subscribe(10)
    held = [await received(subscription) for _ in range(MAX_LENGTH)]
    with pytest.raises(Full):
        await publish(line, "6")
    await subscription.ack(held[3])
    await publish(line, "6")
    with pytest.raises(Full):
        await publish(line, "7")


@case
@needs("max_length", "delay")
async def what_is_delayed_takes_up_room(line: DriverQueue) -> None:
    for _ in range(MAX_LENGTH):
        await line.publish(a_message(), NEVER)
    for delay in (0.0, NEVER):
        with pytest.raises(Full):
            await line.publish(a_message(), delay)

    assert await line.info() == Info(0, MAX_LENGTH, 0, 0)


@case
@needs("delay")
async def a_delay_without_end_harms_nobody(line: DriverQueue) -> None:
    await line.publish(a_message("1"), 1e300)
    await publish(line, "2")
    subscription = line.subscribe(1)
    await subscription.retry(await received(subscription), 1e300)
    await publish(line, "3")

    assert (await received(subscription)).body == b"3"
    assert await line.info() == Info(0, 2, 1, 0)


@case
@needs("max_length")
async def the_dead_take_up_no_room(line: DriverQueue) -> None:
    subscription = line.subscribe(1)
    for _ in range(2 * MAX_LENGTH):
        await publish(line, "1")
        message = await received(subscription)
        await subscription.bury(message, dead(message), None)

    assert await line.info() == Info(0, 0, 0, 2 * MAX_LENGTH)


@case
@needs("max_length")
async def a_full_line_is_no_matter_to_its_neighbour(line: DriverQueue, other: DriverQueue) -> None:
    await publish(line, "12345")
    await publish(other, "12345")

    assert held_in(await other.info()) == MAX_LENGTH


@case
@needs("max_length")
async def of_many_publishers_at_one_time_as_many_succeed_as_there_is_room(
    line: DriverQueue,
) -> None:
    messages = [a_message(str(number)) for number in range(20)]
    answers = await asyncio.gather(*(line.publish(m) for m in messages), return_exceptions=True)
    taken = [str(n) for n, answer in enumerate(answers) if not isinstance(answer, Full)]

    assert len(taken) == MAX_LENGTH
    assert await bodies(line.subscribe(10), MAX_LENGTH) == taken


@case
@needs("max_length")
async def a_refused_message_leaves_no_trace(line: DriverQueue) -> None:
    await publish(line, "12345")
    refused = a_message("6", trace="t")
    for _ in range(3):
        with pytest.raises(Full):
            await line.publish(refused)
    subscription = line.subscribe(10)
    for _ in range(MAX_LENGTH):
        await subscription.ack(await received(subscription))
    await line.publish(refused)
    message = await received(subscription)

    assert (message.id, message.attempt, dict(message.headers)) == (refused.id, 1, {"trace": "t"})
    assert held_in(await line.info()) == 1


@case
@needs("max_length")
async def a_dead_letter_is_accepted_beyond_the_bound(line: DriverQueue) -> None:
    await publish(line, "12345")
    await line.accept(a_message("6"))
    await line.accept(a_message("7"))
    subscription = line.subscribe(10)
    held = [await received(subscription) for _ in range(7)]
    for message in held[:2]:
        await subscription.ack(message)
        with pytest.raises(Full):
            await publish(line, "8")
    await subscription.ack(held[2])
    await publish(line, "8")

    assert [message.body.decode() for message in held] == list("1234567")


@case
@needs("max_length")
async def what_comes_back_needs_no_room(line: DriverQueue, other: DriverQueue) -> None:
    for _ in range(MAX_LENGTH):
        await line.publish(a_message())
        await other.publish(a_message())
    subscription = line.subscribe(10)
    retried, released, dead = [await received(subscription) for _ in range(3)]
    await subscription.retry(retried, 0)
    await subscription.release([released])
    await subscription.bury(dead, letter(dead, "app:q", Reason.ATTEMPTS, None), other)
    here, there = await line.info(), await other.info()

    assert here.ready + here.delayed + here.in_flight == MAX_LENGTH - 1
    assert there.ready == MAX_LENGTH + 1


@case
@needs("max_length", "delay")
async def a_retry_at_the_bound_keeps_the_line_full(line: DriverQueue) -> None:
    await publish(line, "12345")
    subscription = line.subscribe(10)
    for _ in range(MAX_LENGTH):
        await subscription.retry(await received(subscription), NEVER)
    with pytest.raises(Full):
        await publish(line, "6")

    assert await line.info() == Info(0, MAX_LENGTH, 0, 0)


# The dead


@case
async def a_dead_letter_keeps_what_it_was_and_says_why(
    line: DriverQueue, other: DriverQueue
) -> None:
    sent = a_message("[1]", trace="t")
    await line.publish(sent)
    subscription = line.subscribe(10)
    message = await received(subscription)
    error = ValueError("no number")
    await subscription.bury(message, letter(message, "app:q", Reason.ATTEMPTS, error), None)
    (dead,) = await line.dead_letters()

    assert (sent.id, b"[1]") == (dead.id, dead.body)
    time = dead.headers["x_dead_letter_time"]
    assert time.startswith("20")
    assert dict(dead.headers) == {
        "trace": "t",
        "x_original_queue": "app:q",
        "x_dead_letter_reason": "attempts",
        "x_dead_letter_error": "ValueError: no number",
        "x_dead_letter_time": time,
        "attempts": "1",
    }


@case
async def a_dead_letter_is_received_from_another_line(
    line: DriverQueue, other: DriverQueue
) -> None:
    await line.publish(a_message("[1]"))
    subscription = line.subscribe(10)
    message = await received(subscription)
    await subscription.bury(message, letter(message, "app:q", Reason.REJECTED, None), other)
    dead = await received(other.subscribe(10))

    assert (
        dead.body,
        dead.attempt,
        dead.headers["x_dead_letter_reason"],
    ) == (b"[1]", 1, "rejected")
    assert await line.info() == Info(0, 0, 0, 0)


@case
async def the_oldest_dead_letters_come_first_and_no_more_than_asked_for(bench: Bench) -> None:
    line = bench.line("line", ROOM)
    await publish(line, range(5))
    subscription = line.subscribe(10)
    for _ in range(5):
        message = await received(subscription)
        await subscription.bury(message, dead(message), None)

    assert [letter.body for letter in await line.dead_letters(2)] == [b"0", b"1"]
    assert len(await line.dead_letters()) == 5


@case
async def a_burial_wakes_who_waits_for_dead_letters(line: DriverQueue, other: DriverQueue) -> None:
    waiting = asyncio.ensure_future(received(other.subscribe(10)))
    await publish(line, "1")
    subscription = line.subscribe(10)
    message = await received(subscription)
    await subscription.bury(message, dead(message), other)

    assert (await waiting).id == message.id


@case
async def a_dead_letter_crosses_to_another_driver(line: DriverQueue, foreign: DriverQueue) -> None:
    sent = a_message('{"text": "añ😀"}', trace="ü")
    await line.publish(sent)
    subscription = line.subscribe(10)
    message = await received(subscription)
    buried = letter(message, "app:q", Reason.ATTEMPTS, ValueError("ü\n😀"))
    await subscription.bury(message, buried, foreign)
    got = await received(foreign.subscribe(10))

    assert (got.id, got.body, got.attempt) == (sent.id, sent.body, 1)
    assert dict(got.headers) == dict(buried.headers)
    assert got.headers["x_dead_letter_error"] == "ValueError: ü\n😀"
    assert await line.info() == Info(0, 0, 0, 0)
    await lost(subscription.ack(message))


@case
async def a_full_line_of_another_driver_takes_a_dead_letter(
    line: DriverQueue, foreign: DriverQueue
) -> None:
    await publish(foreign, "12345")
    await publish(line, "6")
    subscription = line.subscribe(10)
    message = await received(subscription)
    await subscription.bury(message, dead(message), foreign)

    assert await bodies(foreign.subscribe(10), 6) == list("123456")
    assert await line.info() == Info(0, 0, 0, 0)


@case
@needs("priority")
async def a_dead_letter_keeps_its_priority(
    line: DriverQueue, other: DriverQueue, foreign: DriverQueue
) -> None:
    for to in (other, foreign):
        for priority in (0, 5):
            await line.publish(a_ranked_message(f"{priority}", priority))
        subscription = line.subscribe(10)
        messages = [await received(subscription) for _ in range(2)]
        for message in reversed(messages):
            await subscription.bury(message, dead(message), to)
        await subscription.close()

        assert await bodies(to.subscribe(10), 2) == ["5", "0"]


@case
async def a_line_may_be_its_own_for_dead_letters(line: DriverQueue) -> None:
    await publish(line, "1")
    subscription = line.subscribe(10)
    message = await received(subscription)
    await subscription.bury(message, dead(message), line)
    again = await received(subscription)

    assert (again.id, again.attempt) == (message.id, 1)
    assert again.headers["x_original_queue"] == "app:q"
    assert held_in(await line.info()) == 1


# Closing


@case
async def a_closed_subscription_receives_nothing_and_still_settles(
    line: DriverQueue, other: DriverQueue
) -> None:
    await line.publish(a_message("1"))
    await line.publish(a_message("2"))
    subscription = line.subscribe(10)
    held = await received(subscription)
    await subscription.close()
    await subscription.close()
    with pytest.raises(Closed):
        await subscription.receive()
    await subscription.ack(held)
    left = await received(line.subscribe(10))

    assert (left.body, left.attempt) == (b"2", 1)


@case
@needs("delay")
async def every_settlement_works_after_the_close(line: DriverQueue, other: DriverQueue) -> None:
    await publish(line, "1234")
    subscription = line.subscribe(10)
    acked, retried, buried, released = [await received(subscription) for _ in "1234"]
    await subscription.close()
    await subscription.ack(acked)
    await subscription.retry(retried, NEVER)
    await subscription.bury(buried, dead(buried), other)
    await subscription.release([released])

    assert await line.info() == Info(1, 1, 0, 0)
    assert await bodies(other.subscribe(10), 1) == ["3"]
    message = await received(line.subscribe(10))
    assert (message.body, message.attempt) == (b"4", 1)


@case
async def what_was_claimed_ahead_goes_back_in_its_order_and_unspent(line: DriverQueue) -> None:
    await publish(line, "12345")
    subscription = line.subscribe(10)
    await subscription.ack(await received(subscription))
    await subscription.close()
    assert await line.info() == Info(4, 0, 0, 0)
    left = [await received(other) for other in [line.subscribe(10)] for _ in "2345"]

    assert [(message.body, message.attempt) for message in left] == [
        (b"2", 1),
        (b"3", 1),
        (b"4", 1),
        (b"5", 1),
    ]


@case
async def closing_ends_a_wait(line: DriverQueue, other: DriverQueue) -> None:
    subscription, open_one = line.subscribe(10), line.subscribe(10)
    waiting = asyncio.ensure_future(subscription.receive())
    stays = asyncio.ensure_future(open_one.receive())
    await asyncio.sleep(0)
    await subscription.close()
    with pytest.raises(Closed):
        await asyncio.wait_for(waiting, SOON)
    await line.publish(a_message("7"))

    assert (await asyncio.wait_for(stays, SOON)).body == b"7"


@case
async def closing_ends_the_waits_of_all_its_receivers(line: DriverQueue) -> None:
    subscription = line.subscribe(2)
    waiting = [asyncio.ensure_future(subscription.receive()) for _ in range(10)]
    await line.info()  # long enough to be waiting
    await asyncio.gather(subscription.close(), subscription.close())
    ended = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), SOON)

    assert [type(error) for error in ended] == [Closed] * 10
    await publish(line, "7")
    assert await line.info() == Info(1, 0, 0, 0)


@case
async def closing_in_the_moment_of_an_arrival_loses_no_message(
    line: DriverQueue, other: DriverQueue
) -> None:
    subscription, open_one = line.subscribe(10), line.subscribe(10)
    waiting = asyncio.ensure_future(subscription.receive())
    stays = asyncio.ensure_future(open_one.receive())
    await asyncio.sleep(0)
    await line.publish(a_message("7"))
    await subscription.close()
    with pytest.raises(Closed):
        await asyncio.wait_for(waiting, SOON)

    assert (await asyncio.wait_for(stays, SOON)).body == b"7"


@case
async def closing_while_messages_arrive_loses_none(bench: Bench) -> None:
    line = bench.line("arrivals", ROOM)
    got: list[Message] = []

    async def take(subscription: Subscription) -> None:
        while True:
            try:
                message = await subscription.receive()
            except Closed:
                return
            got.append(message)
            await subscription.ack(message)

    publishing = asyncio.ensure_future(publish(line, range(200)))
    while not publishing.done():
        subscription = line.subscribe(3)
        takers = [asyncio.ensure_future(take(subscription)) for _ in range(5)]
        await line.info()
        await subscription.close()
        await asyncio.wait_for(asyncio.gather(*takers), SOON)
    await publishing
    left = (await line.info()).ready
    got += [await received(last) for last in [line.subscribe(10)] for _ in range(left)]

    assert [int(message.body) for message in got] == list(range(200))
    assert {message.attempt for message in got} == {1}


@case
async def an_empty_line_gives_nothing(line: DriverQueue, other: DriverQueue) -> None:
    await other.publish(a_message())

    assert await nothing_else(line, line.subscribe(10))


# The service


async def offered(line: DriverQueue, message: Message, delay: float = 0.0) -> bool:
    """Whether a driver that may not run took a message: else it must say that it cannot."""
    try:
        await line.publish(message, delay)
    except Unavailable:
        return False
    return True


@case
async def what_is_published_before_the_start_is_taken_or_refused(idle: Bench) -> None:
    line = idle.line("line")
    taken = [body for body in "123" if await offered(line, a_message(body))]
    await idle.start()
    subscription = line.subscribe(10)

    assert await bodies(subscription, len(taken)) == taken
    assert await nothing_else(line, subscription)


@case
async def what_is_published_during_a_restart_is_taken_or_refused(bench: Bench) -> None:
    line = bench.line("line", ROOM)
    taken: list[str] = []
    ended = asyncio.Event()

    async def offer() -> None:
        number = 0
        while not ended.is_set():
            if await offered(line, a_message(str(number))):
                taken.append(str(number))
            number += 1
            await asyncio.sleep(0)

    offering = asyncio.ensure_future(offer())
    for _ in range(3):
        await line.info()
        await bench.stop()
        await line.info()
        await bench.start()
    ended.set()
    await offering
    subscription = line.subscribe(10)

    assert await bodies(subscription, len(taken)) == taken
    assert await nothing_else(line, subscription)


@case
@needs("delay")
async def everything_is_where_it_was_after_a_restart(bench: Bench) -> None:
    line = bench.line("line", ROOM)
    subscription = line.subscribe(1)
    await publish(line, "12")
    retried = await received(subscription)
    await subscription.retry(retried, 0)
    buried = await received(subscription)
    await subscription.bury(buried, dead(buried), None)
    await subscription.close()
    await publish(line, "3")
    began = monotonic()
    await line.publish(a_message("4"), LATER)
    await line.publish(a_message("5"), NEVER)
    before = await line.info()
    await bench.stop()
    await bench.start()
    after = await line.info()
    subscription = line.subscribe(10)
    got = [await received(subscription) for _ in "134"]

    assert (before.ready + before.delayed, before.dead) == (4, 1)
    assert (after.ready + after.delayed, after.dead) == (4, 1)
    assert [(message.body, message.attempt) for message in got] == [(b"1", 2), (b"3", 1), (b"4", 1)]
    assert monotonic() - began >= LATER
    assert [letter.body for letter in await line.dead_letters()] == [b"2"]


@case
async def attempts_outlive_restarts(bench: Bench, line: DriverQueue) -> None:
    await publish(line, "1")
    attempts = []
    for _ in range(3):
        subscription = line.subscribe(10)
        message = await received(subscription)
        attempts.append(message.attempt)
        await subscription.retry(message, 0)
        await subscription.close()
        await bench.stop()
        await bench.start()

    assert attempts == [1, 2, 3]


@case
async def what_is_in_hand_at_a_stop_is_still_held_or_comes_again(
    bench: Bench, line: DriverQueue
) -> None:
    await publish(line, "1")
    subscription = line.subscribe(10)
    message = await received(subscription)
    await subscription.close()
    await bench.stop()
    await bench.start()
    try:
        await subscription.ack(message)
    except NotHeld:
        again = await received(line.subscribe(10))
        assert (again.id, again.attempt) == (message.id, 1)
    else:
        assert await line.info() == Info(0, 0, 0, 0)


@case
async def a_receiver_that_waits_through_a_restart_is_served(
    bench: Bench, line: DriverQueue
) -> None:
    waiting = asyncio.ensure_future(line.subscribe(10).receive())
    await line.info()  # long enough to be waiting
    await bench.stop()
    await bench.start()
    await publish(line, "7")

    assert (await asyncio.wait_for(waiting, SOON)).body == b"7"


@case
@needs("max_length")
async def the_bound_is_right_after_a_restart(bench: Bench, line: DriverQueue) -> None:
    await publish(line, "1234")
    await bench.stop()
    await bench.start()
    await publish(line, "5")
    with pytest.raises(Full):
        await publish(line, "6")

    assert held_in(await line.info()) == MAX_LENGTH
