"""Threads: what becomes of a call in a thread that nobody waits for any more."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext, Call, call, current
from runtime.handlers.threads import ThreadPool, resolve, run_in_thread

SOON = 30


def test_a_call_that_is_cancelled_while_it_waits_for_a_thread_is_never_made() -> None:
    gate, called = threading.Event(), []

    async def main() -> None:
        pool = ThreadPool(1)
        first = pool.submit(gate.wait, SOON)
        second = pool.submit(called.append, "second")
        second.cancel()
        gate.set()
        assert await first
        await pool.submit(called.append, "third")

    asyncio.run(main())

    assert called == ["third"]


def test_a_call_that_began_goes_on_when_it_is_cancelled_and_counts_until_it_returns() -> None:
    began, gate = threading.Event(), threading.Event()

    def handler() -> None:
        began.set()
        assert gate.wait(SOON)

    async def main() -> None:
        pool = ThreadPool(1)
        future = pool.submit(handler)
        assert began.wait(SOON)
        future.cancel()
        assert pool.unfinished == 1
        gate.set()
        await pool.submit(lambda: None)
        assert pool.unfinished == 0

    asyncio.run(main())


def test_a_call_sees_the_context_of_its_caller_and_leaves_it_alone() -> None:
    entry = EntryId("app", "work")

    def handler() -> EntryId:
        found = call().entry
        current.set(Call(EntryId("app", "other"), ApplicationContext(), None))
        return found

    async def main() -> None:
        pool = ThreadPool(1)
        current.set(Call(entry, ApplicationContext(), None))
        assert await pool.submit(handler) == entry
        assert await run_in_thread("mine", handler) == entry
        assert call().entry == entry

    asyncio.run(main())


def test_threads_are_started_when_they_are_needed_and_used_again() -> None:
    async def main() -> set[str]:
        pool = ThreadPool(8)
        return {await pool.submit(lambda: threading.current_thread().name) for _ in range(20)}

    assert asyncio.run(main()) == {"handler-1"}


def test_a_thread_of_its_own_is_a_daemon_with_the_name_it_was_given() -> None:
    async def main() -> tuple[str, bool]:
        def handler() -> tuple[str, bool]:
            here = threading.current_thread()
            return here.name, here.daemon

        return await run_in_thread("app:work", handler)

    assert asyncio.run(main()) == ("app:work", True)


def test_an_exception_in_a_thread_reaches_who_waits() -> None:
    def handler() -> None:
        raise KeyError("gone")

    async def main() -> None:
        with pytest.raises(KeyError, match="gone"):
            await run_in_thread("mine", handler)

    asyncio.run(main())


def test_a_result_for_a_loop_that_is_gone_is_dropped() -> None:
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    loop.close()

    resolve(loop, future, "late", None)

    assert not future.done()


def test_the_threads_of_a_part_end_with_the_last_reference_to_it() -> None:
    async def main() -> threading.Thread:
        submit = ThreadPool(2).part(1, "consumer")
        thread: threading.Thread = await submit(threading.current_thread)
        return thread

    thread = asyncio.run(main())
    gc.collect()
    thread.join(SOON)
    assert (thread.name, thread.is_alive()) == ("consumer-1", False)


def test_a_call_in_a_part_that_nobody_refers_to_is_finished() -> None:
    began, gate = threading.Event(), threading.Event()

    def handler() -> str:
        began.set()
        assert gate.wait(SOON)
        return "done"

    async def main() -> None:
        pool = ThreadPool(2)
        submit = pool.part(1, "consumer")
        running, waiting = submit(handler), submit(lambda: "then")
        assert began.wait(SOON)
        del submit
        gc.collect()
        assert pool.unfinished == 2
        gate.set()
        assert (await running, await waiting) == ("done", "then")

    asyncio.run(main())
