"""The lengths of queues: asked for once by all, and awaited no longer than they are fresh."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from runtime.engines.management import lengths
from runtime.engines.management.lengths import Lengths
from runtime.engines.management.snapshot import QueueStatus, Snapshot

SNAPSHOT = Snapshot("app", "0", 1, "", 1, "running", queues=(QueueStatus("app:tasks"),))


class Stores:
    """Answer when they are told to, with the number of times that they were asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.begun = asyncio.Event()
        self.answering = asyncio.Event()

    async def ask(self) -> list[QueueStatus]:
        self.asked += 1
        number = self.asked
        self.begun.set()
        await self.answering.wait()
        return [QueueStatus("app:tasks", ready=number)]


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 30))


def told(known: Lengths) -> int | None:
    return known.put_into(SNAPSHOT).queues[0].ready


def test_many_who_want_them_ask_once() -> None:
    async def main() -> None:
        stores = Stores()
        stores.answering.set()
        known = Lengths(stores.ask)
        await asyncio.gather(*(known.refresh(0.0) for _ in range(20)))
        assert (stores.asked, told(known)) == (1, 1)

    run(main())


def test_what_was_asked_for_before_a_change_is_asked_for_again() -> None:
    async def main() -> None:
        stores = Stores()
        known = Lengths(stores.ask)
        before = asyncio.create_task(known.refresh(0.0))
        await stores.begun.wait()
        known.change("queue.purge")
        after = asyncio.create_task(known.refresh(0.0))
        stores.answering.set()
        await asyncio.gather(before, after)
        assert (stores.asked, told(known)) == (2, 2)

    run(main())


def test_a_loop_that_is_held_while_it_answers_keeps_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lengths, "FRESH", 0.02)

    async def main() -> None:
        stores = Stores()
        known = Lengths(stores.ask)
        await known.refresh(0.0)
        await known.refresh(0.0)
        assert (stores.asked, told(known)) == (1, None)

        stores.answering.set()
        await known.refresh(0.0)
        assert told(known) is not None

    run(main())


def test_a_fault_of_ours_is_told_to_who_asked() -> None:
    async def fail() -> list[QueueStatus]:
        raise RuntimeError("ours")

    async def main() -> None:
        with pytest.raises(RuntimeError, match="ours"):
            await Lengths(fail).refresh(0.0)

    run(main())


def test_a_loop_that_does_not_turn_is_not_asked() -> None:
    async def main() -> None:
        stores = Stores()
        await Lengths(stores.ask).refresh(lengths.FRESH)
        assert stores.asked == 0

    run(main())
