"""A resource as the supervisor runs it and as handlers see it."""

from __future__ import annotations

import asyncio
import contextvars
import decimal
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from typing import Any

import anyio
import pytest

from runtime.entry_id import EntryId
from runtime.handlers import decimals
from runtime.handlers.context import call
from tests.support.resources import ID, Running, begin, refusal, resource, run


@pytest.mark.parametrize("blocking", [True, False])
def test_it_is_refused_while_it_does_not_run_with_the_reason(blocking: bool) -> None:
    said: list[str] = []

    def plain(key: list[str]) -> Iterator[str]:
        said.append(refusal(it))
        yield key.pop()
        said.append(refusal(it))

    async def on_loop(key: list[str]) -> AsyncIterator[str]:
        for value in plain(key):
            yield value

    it = resource(plain if blocking else on_loop, key=["value"])

    async def main() -> None:
        said.append(refusal(it))
        running = await begin(it)
        assert it.handed_out() == "value"
        await running.end()
        said.append(refusal(it))
        with pytest.raises(IndexError):
            await begin(it)
        said.append(refusal(it))

    run(main())

    assert said == [
        f"resource 'app:it' is not running ({reason})"
        for reason in (
            "it was not started",
            "it is starting",
            "it is stopping",
            "it was stopped",
            "it is starting",
            "it failed: pop from empty list",
        )
    ]


def test_a_stop_interrupts_an_async_function_that_is_still_entering() -> None:
    left = []

    async def make(entered: asyncio.Event) -> AsyncIterator[None]:
        entered.set()
        try:
            await asyncio.Event().wait()
            yield
        finally:
            left.append(True)

    async def main() -> None:
        entered = asyncio.Event()
        running = Running(resource(make, entered=entered))
        await entered.wait()
        await running.end()
        assert not running.ready.is_set()

    run(main())

    assert left


def test_a_stop_waits_for_a_thread_that_is_still_entering_and_leaves_it() -> None:
    events = []
    began, go_on = threading.Event(), threading.Event()

    def make() -> Iterator[None]:
        began.set()
        go_on.wait(10)
        yield
        events.append("out")

    async def main() -> None:
        running = Running(resource(make))
        await asyncio.to_thread(began.wait, 10)
        running.stop.set()
        go_on.set()
        await running.task

    run(main())

    assert events == ["out"]


def test_both_halves_of_an_async_generator_are_one_task_with_its_context() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    seen: list[Any] = []

    async def make() -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            variable.set("mine")
            seen.append(asyncio.current_task())
            group.start_soon(anyio.sleep_forever)
            yield
            seen.append(asyncio.current_task())
            assert variable.get() == "mine"
            group.cancel_scope.cancel()

    async def main() -> None:
        running = await begin(resource(make))
        await running.end()
        assert seen == [running.task, running.task]

    run(main())


def test_what_belongs_to_a_thread_is_made_and_closed_in_one() -> None:
    def make() -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(":memory:")) as connection:
            yield connection

    async def main() -> None:
        running = await begin(resource(make))
        await running.end()

    run(main())


def test_its_function_may_ask_for_what_handlers_ask_for() -> None:
    async def make() -> EntryId:
        return call().entry

    it = resource(make)

    async def main() -> None:
        running = await begin(it)
        assert it.handed_out() == ID
        await running.end()

    run(main())


@pytest.mark.parametrize("blocking", [True, False])
def test_its_decimal_context_is_its_own(monkeypatch: pytest.MonkeyPatch, blocking: bool) -> None:
    monkeypatch.setattr(decimals, "in_use", True)

    def plain() -> None:
        decimal.getcontext().prec = 5

    async def on_loop() -> None:
        plain()

    async def main() -> None:
        before = decimal.getcontext().prec
        running = await begin(resource(plain if blocking else on_loop))
        await running.end()
        assert decimal.getcontext().prec == before != 5

    run(main())
