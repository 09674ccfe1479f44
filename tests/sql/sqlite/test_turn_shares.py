"""A loop that is busy with requests: statements in the background do not wait for a whole turn."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.sqlite import write_queue
from runtime.engines.sql.sqlite.database import Database
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext, Call, current
from tests.sql.sqlite.test_turn import HERE, places, watched
from tests.support.databases import run


class Subject:
    log_ids: dict[str, object] = {}  # noqa: RUF012

    def __init__(self, has_client: bool) -> None:
        self.has_client = has_client

    def become_async(self) -> None: ...


@contextmanager
def call(*, has_client: bool) -> Iterator[None]:
    token = current.set(Call(EntryId("app", "pack"), ApplicationContext(), Subject(has_client)))
    try:
        yield
    finally:
        current.reset(token)


async def insert(db: Database, name: str) -> bool:
    """Insert a task; True if that took no turn of the loop."""
    turned: list[bool] = []
    asyncio.get_running_loop().call_soon(turned.append, True)
    await db.execute(HERE, (name,))
    return not turned


@pytest.fixture
def long_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each turn counts as long, and nothing that the loop does as late."""
    monkeypatch.setattr(write_queue, "LONG_TURN", 0.0)
    monkeypatch.setattr(write_queue, "LATE", 60.0)


def test_in_a_long_turn_the_background_writes_at_once_up_to_its_share(
    tmp_path: Path, long_turns: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_queue, "SHARES", 2)

    async def main() -> list[bool]:
        async with watched(tmp_path / "a.db") as db:
            await insert(db, "at whose end the share is given")
            with call(has_client=False):
                at_once = [await insert(db, name) for name in "abcdef"]
            assert set((await places(db)).values()) == {"loop"}
            assert list(await places(db))[1:] == list("abcdef")
        return at_once

    # The third one waits for the end of the turn, at which the share is given anew.
    assert run(main()) == [True, True, False, True, True, False]


@pytest.mark.parametrize("has_client", [True, None], ids=["request", "no call"])
def test_a_request_waits_for_the_end_of_a_long_turn_with_the_others(
    tmp_path: Path, long_turns: None, has_client: bool | None
) -> None:
    async def main() -> list[bool]:
        async with watched(tmp_path / "a.db") as db:
            if has_client is None:
                return [await insert(db, name) for name in "abc"]
            with call(has_client=has_client):
                return [await insert(db, name) for name in "abc"]

    assert run(main()) == [False, False, False]


def test_in_a_short_turn_the_background_waits_for_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_queue, "LONG_TURN", 60.0)

    async def main() -> list[bool]:
        async with watched(tmp_path / "a.db") as db:
            with call(has_client=False):
                return [await insert(db, name) for name in "abc"]

    assert run(main()) == [False, False, False]


def test_what_the_turn_gathered_before_is_written_before(tmp_path: Path, long_turns: None) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db") as db:
            await db.execute(HERE, ("the first turn",))

            async def request(name: str) -> Any:
                with call(has_client=True):
                    await db.execute(HERE, (name,))

            async def background() -> None:
                with call(has_client=False):
                    assert await insert(db, "c")

            await asyncio.gather(request("a"), request("b"), background())
            assert list(await places(db)) == ["the first turn", "a", "b", "c"]

    run(main())


def test_where_many_wait_for_the_end_of_the_turn_all_do(
    tmp_path: Path, long_turns: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_queue, "FEW", 2)

    async def main() -> list[bool]:
        async with watched(tmp_path / "a.db") as db:
            await asyncio.gather(*[db.execute(HERE, (name,)) for name in "abc"])
            with call(has_client=False):
                return [await insert(db, "d"), await insert(db, "e")]

    # The turn of "d" is one in which it waited alone.
    assert run(main()) == [False, True]
