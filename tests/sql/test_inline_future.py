"""A future that calls its callback at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runtime.engines.sql.inline_future import InlineFuture


def test_the_callback_is_called_before_set_result_returns() -> None:
    async def main() -> None:
        future, seen = InlineFuture(), list[Any]()
        future.add_done_callback(lambda ended: seen.append(ended.result()))
        future.set_result(3)
        assert seen == [3]

    asyncio.run(main())


def test_a_callback_that_comes_late_is_called_in_the_next_turn() -> None:
    async def main() -> None:
        future, seen = InlineFuture(), list[Any]()
        future.set_exception(ValueError("no"))
        future.add_done_callback(lambda ended: seen.append(str(ended.exception())))
        assert seen == []
        await asyncio.sleep(0)
        assert seen == ["no"]

    asyncio.run(main())


def test_it_can_be_awaited_before_and_after_its_end() -> None:
    async def main() -> None:
        before, after, failed = InlineFuture(), InlineFuture(), InlineFuture()
        asyncio.get_running_loop().call_soon(before.set_result, 1)
        after.set_result(2)
        failed.set_exception(ValueError("no"))
        assert (await before, await after) == (1, 2)
        with pytest.raises(ValueError, match="no"):
            await failed

    asyncio.run(main())


def test_the_error_of_a_callback_goes_to_the_loop_and_not_to_who_settles() -> None:
    async def main() -> None:
        reported: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: reported.append(context)
        )

        def fail(_: object) -> None:
            raise LookupError("no such row")

        future = InlineFuture()
        future.add_done_callback(fail)
        future.set_result(None)
        assert [str(each["exception"]) for each in reported] == ["no such row"]

    asyncio.run(main())
