"""Unfinished work: what a handler leaves undone fails its call, and says which line it is."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import re
import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from runtime.handlers import unawaited
from runtime.handlers.context import NotAwaited
from runtime.handlers.unfinished_result import UnfinishedResult
from runtime.kinds.process import ProcessRun
from runtime.log.traceback import format_traceback
from tests.handlers.test_invocation import Subject, invocation, run


def a_run() -> ProcessRun:
    return ProcessRun(1, lambda: None, asyncio.Event())


def called(function: Callable[..., Any], *arguments: Any) -> Any:
    unawaited.watch()

    async def main() -> Any:
        return await invocation(function).call(Subject(), *arguments)

    return run(main())


def generator() -> Any:
    yield 1


async def async_generator() -> Any:
    yield 1


async def nothing() -> None: ...


async def returns(make: Callable[[], Any]) -> Any:
    return make()


def plainly_returns(make: Callable[[], Any]) -> Any:
    return make()


UNFINISHED: list[Callable[[], Any]] = [
    generator,
    async_generator,
    lambda: (n for n in ()),
    lambda: map(str, ()),
    concurrent.futures.Future,
]
ON_THE_LOOP: list[Callable[[], Any]] = [
    nothing,
    lambda: asyncio.create_task(nothing()),
    lambda: asyncio.get_running_loop().create_future(),
    lambda: asyncio.gather(),
]


@pytest.mark.parametrize("make", UNFINISHED)
@pytest.mark.parametrize("handler", [returns, plainly_returns])
def test_work_that_nobody_does_is_no_result(
    handler: Callable[..., Any], make: Callable[[], Any]
) -> None:
    with pytest.raises(UnfinishedResult, match="whose work nobody does"):
        called(handler, make)


@pytest.mark.parametrize("make", ON_THE_LOOP)
def test_nor_is_what_was_not_awaited(make: Callable[[], Any]) -> None:
    with pytest.raises(UnfinishedResult, match="whose work nobody does"):
        called(returns, make)


NESTED: list[Callable[[], Any]] = [
    lambda: [nothing() for _ in range(3)],
    lambda: {n: nothing() for n in range(3)},
    lambda: (1, nothing()),
    lambda: {nothing()},
    lambda: {"sent": [{"id": nothing()}], "rows": [*range(1000)]},
    lambda: [nothing() for _ in range(1000)],
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("make", NESTED)
@pytest.mark.parametrize("handler", [returns, plainly_returns])
def test_nor_is_a_container_of_it_whose_coroutines_are_closed(
    handler: Callable[..., Any], make: Callable[[], Any]
) -> None:
    made = make()

    with pytest.raises(
        UnfinishedResult,
        match=rf"it returned a {type(made).__name__} with a coroutine of 'nothing', .*'await'",
    ):
        called(handler, lambda: made)
    if type(made) is list:
        assert {inspect.getcoroutinestate(each) for each in made} == {inspect.CORO_CLOSED}


def test_a_container_that_holds_itself_or_many_values_is_a_result() -> None:
    endless: list[Any] = [{"rows": [(n, {"id": n}) for n in range(1000)]}]
    endless.append(endless)

    assert called(returns, lambda: endless) is endless


@pytest.mark.parametrize("handler", [generator, async_generator])
def test_a_handler_with_a_yield_says_so(handler: Callable[..., Any]) -> None:
    with pytest.raises(UnfinishedResult, match=f"generator of '{handler.__name__}': .* 'yield'"):
        called(handler)


def test_a_coroutine_that_a_plain_function_returns_is_awaited() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 3

    assert called(plainly_returns, work) == 3


async def forgets(run: ProcessRun) -> str:
    run.stopping()  # type: ignore[unused-coroutine]
    return "done"


def plainly_forgets(run: ProcessRun) -> str:
    run.stopping()  # type: ignore[unused-coroutine]
    return "done"


async def forgets_and_fails(run: ProcessRun) -> None:
    run.stopping()  # type: ignore[unused-coroutine]
    raise ValueError("no number")


async def keeps(run: ProcessRun) -> str:
    waiting = run.stopping()
    assert waiting
    return "done"


@pytest.mark.parametrize("handler", [forgets, plainly_forgets, forgets_and_fails])
def test_a_call_without_await_fails_each_time_with_its_line(handler: Callable[..., Any]) -> None:
    line = handler.__code__.co_firstlineno + 1
    for _ in range(2):
        with pytest.raises(NotAwaited) as failure:
            called(handler, a_run())
        assert re.search(rf"test_unfinished.py:{line}: stopping\(\) was called", str(failure.value))
    assert sys.get_coroutine_origin_tracking_depth() == 0  # which has its price


def test_one_that_was_kept_in_a_variable_fails_too_and_has_its_line_from_then_on() -> None:
    for _ in range(2):
        with pytest.raises(NotAwaited, match="stopping") as failure:
            called(keeps, a_run())
    sys.set_coroutine_origin_tracking_depth(0)
    assert f"test_unfinished.py:{keeps.__code__.co_firstlineno + 1}: " in str(failure.value)


def test_what_runs_as_a_task_counts_as_awaited() -> None:
    async def handler(run: ProcessRun) -> str:
        task = asyncio.create_task(run.stopping())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(run.stopping(), 0.001)
        results = await asyncio.gather(run.stopping(0), run.stopping(0))
        return f"{results}"

    assert called(handler, a_run()) == "[False, False]"


def test_the_mend_is_the_handler_s_own() -> None:
    with pytest.raises(NotAwaited, match=r"write 'await' before it$"):
        called(forgets, a_run())
    with pytest.raises(NotAwaited, match=r"import it from runtime\.modules\.sync$"):
        called(plainly_forgets, a_run())


def test_its_log_line_has_no_frames_of_the_runtime_s() -> None:
    with pytest.raises(NotAwaited) as failure:
        called(forgets, a_run())

    assert format_traceback(failure.value).splitlines() == [
        f"runtime.handlers.context.NotAwaited: {failure.value}"
    ]


@pytest.mark.filterwarnings("ignore:coroutine 'nothing' was never awaited")
def test_a_coroutine_of_the_handler_s_own_is_python_s_business() -> None:
    async def handler() -> str:
        nothing()  # type: ignore[unused-coroutine]
        return "done"

    assert called(handler) == "done"


def test_its_warning_says_which_function_it_is_once_for_each_place() -> None:
    async def handler() -> None:
        for _ in range(2):
            nothing()  # type: ignore[unused-coroutine]
        nothing()  # type: ignore[unused-coroutine]
        async_local()  # type: ignore[unused-coroutine]

    async def async_local() -> None: ...

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        called(handler)

    first = handler.__code__.co_firstlineno
    assert [(each.filename, each.lineno) for each in caught] == [
        (__file__, first + line) for line in (2, 3, 4)
    ]
    name, other = (
        rf"coroutine '.*{name}' was never awaited; its function is at .*test_unfinished.py:{line}$"
        for name, line in (("nothing", nothing.__code__.co_firstlineno), ("async_local", first + 6))
    )
    texts = [str(each.message) for each in caught]
    assert all(map(re.match, (name, name, other), texts)), texts
