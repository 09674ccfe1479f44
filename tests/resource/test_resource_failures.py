"""Functions that raise: at the start, while they are held, and to end the program."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest

from runtime.service import Unavailable
from tests.support.resources import begin, refusal, resource, run


async def raise_refused() -> None:
    raise ConnectionRefusedError("nobody")


async def raise_late() -> None:
    await asyncio.wait_for(asyncio.Event().wait(), 0.001)


async def raise_unknown_name() -> None:
    socket.getaddrinfo("name.invalid", 80)


async def raise_wrapped() -> None:
    try:
        await raise_refused()
    except OSError as error:
        raise ValueError("cannot connect") from error


async def raise_unreachable() -> None:
    raise OSError(errno.ENETUNREACH, "Network is unreachable")


async def raise_ours() -> None:
    raise Unavailable("the model is being trained")


@pytest.mark.parametrize(
    "function",
    [
        raise_refused,
        raise_late,
        raise_unknown_name,
        raise_wrapped,
        raise_unreachable,
        raise_ours,
    ],
)
def test_what_is_only_not_there_yet_is_unavailable(function: Callable[..., Any]) -> None:
    async def main() -> None:
        with pytest.raises(Unavailable) as caught:
            await begin(resource(function))
        assert "(tests/resource/test_resource_failures.py:" in str(caught.value)

    run(main())


def raise_missing_file() -> None:
    os.stat("/nowhere/at/all")


async def raise_unrelated() -> None:
    try:
        await raise_refused()
    except OSError:
        raise ValueError("no key") from None


@pytest.mark.parametrize("function", [raise_missing_file, raise_unrelated])
def test_any_other_error_is_raised_as_it_is(function: Callable[..., Any]) -> None:
    async def main() -> None:
        with pytest.raises((FileNotFoundError, ValueError)):
            await begin(resource(function))

    run(main())


@pytest.mark.parametrize("blocking", [True, False])
def test_an_exit_of_the_function_is_an_error_and_no_exit_of_the_program(blocking: bool) -> None:
    def plain() -> None:
        raise SystemExit(3)

    async def on_loop() -> None:
        plain()

    async def main() -> None:
        with pytest.raises(RuntimeError, match="it raised SystemExit: 3"):
            await begin(resource(plain if blocking else on_loop))

    run(main())


def test_a_task_of_its_own_that_fails_is_the_failure_of_the_resource() -> None:
    fail = asyncio.Event()

    async def watch() -> None:
        await fail.wait()
        raise ValueError("lost")

    async def make() -> AsyncIterator[str]:
        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            yield "value"

    it = resource(make)

    async def main() -> None:
        running = await begin(it)
        fail.set()
        with pytest.raises(ExceptionGroup) as caught:
            await running.task
        assert caught.group_contains(ValueError, match="lost")
        assert "it failed" in refusal(it)

    run(main())


def test_one_that_ends_before_the_stop_has_failed() -> None:
    over: list[anyio.CancelScope] = []

    async def make() -> AsyncIterator[None]:
        with anyio.CancelScope() as scope:
            over.append(scope)
            yield

    async def main() -> None:
        running = await begin(resource(make))
        over[0].cancel()
        with pytest.raises(RuntimeError, match="it ended before the stop"):
            await running.task

    run(main())
