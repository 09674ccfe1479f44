"""Invocation: the one place that calls a handler."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import pytest

from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext, Call, call
from runtime.handlers.handler import Handler
from runtime.handlers.invocation import Invocation
from runtime.handlers.threads import ThreadPool, run_in_thread
from runtime.telemetry import OFF, Span, Telemetry, current_span
from tests.support.listening import Recorder

ENTRY = EntryId("app", "work")


class Subject:
    log_ids: Mapping[str, object] = {}

    def become_async(self) -> None: ...


def invocation(function: Callable[..., Any], telemetry: Telemetry = OFF) -> Invocation:
    return Invocation(
        ENTRY, ApplicationContext(), Handler(function, ThreadPool(1).submit), telemetry
    )


def run(main: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(main, 30))


async def on_the_loop(*arguments: Any) -> Any:
    return call(), threading.current_thread(), arguments


def in_a_thread(*arguments: Any) -> Any:
    return call(), threading.current_thread(), arguments


telemetries = pytest.mark.parametrize("telemetry", [OFF, Telemetry(Recorder())], ids=["off", "on"])
functions = pytest.mark.parametrize("function", [on_the_loop, in_a_thread])


@telemetries
@functions
def test_a_handler_gets_its_arguments_and_its_call(
    function: Callable[..., Any], telemetry: Telemetry
) -> None:
    subject = Subject()

    async def main() -> tuple[Call, threading.Thread, tuple[Any, ...]]:
        result: Any = await invocation(function, telemetry).call(subject, 1, "two")
        return result

    made, thread, arguments = run(main())

    assert (made.entry, made.subject, arguments) == (ENTRY, subject, (1, "two"))
    assert (thread is threading.current_thread()) is (function is on_the_loop)


@telemetries
def test_a_plain_function_around_an_async_one_is_awaited_too(telemetry: Telemetry) -> None:
    def plain() -> Coroutine[Any, Any, Any]:
        return on_the_loop("inner")

    async def main() -> Any:
        return await invocation(plain, telemetry).call(Subject())

    assert run(main())[2] == ("inner",)


def test_a_def_runs_where_it_is_submitted_to() -> None:
    handler = Handler(in_a_thread, ThreadPool(1).submit)
    submit = functools.partial(run_in_thread, "mine")

    async def main() -> Any:
        it = Invocation(ENTRY, ApplicationContext(), handler, submit=submit)
        return await it.call(Subject())

    assert run(main())[1].name == "mine"


@pytest.mark.parametrize("blocking", [False, True], ids=["async", "thread"])
def test_a_listener_is_told_of_start_and_end(blocking: bool) -> None:
    recorder = Recorder()

    def plain() -> Span | None:
        return current_span()

    async def coroutine() -> Span | None:
        return current_span()

    async def main() -> Any:
        return await invocation(plain if blocking else coroutine, Telemetry(recorder)).call(
            Subject()
        )

    seen = run(main())

    assert [span.name for span in recorder.ended] == ["handler.call"]
    assert seen is recorder.ended[0]
    assert (seen.entry, seen.error, seen.duration is None) == ("app:work", None, False)


@pytest.mark.parametrize("blocking", [False, True], ids=["async", "thread"])
def test_a_listener_is_told_of_a_failure(blocking: bool) -> None:
    recorder = Recorder()
    fault = ValueError("no number")

    def plain() -> None:
        raise fault

    async def coroutine() -> None:
        raise fault

    async def main() -> None:
        with pytest.raises(ValueError, match="no number"):
            await invocation(plain if blocking else coroutine, Telemetry(recorder)).call(Subject())

    run(main())

    assert [span.error for span in recorder.ended] == [fault]


@functions
def test_nothing_of_telemetry_is_called_while_nobody_listens(
    function: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def called(*arguments: Any, **attributes: Any) -> None:
        raise AssertionError("telemetry was called")

    monkeypatch.setattr(Telemetry, "span", called)
    monkeypatch.setattr(Telemetry, "event", called)

    async def main() -> Any:
        return await invocation(function).call(Subject())

    assert run(main())[0].entry == ENTRY


def test_one_frame_stands_between_the_caller_and_an_async_handler() -> None:
    """Each frame of ours around the handler's is resumed for each of its awaits."""

    async def handler() -> None:
        await asyncio.sleep(0)

    coroutine: Any = invocation(handler).call(Subject())
    contextvars.copy_context().run(coroutine.send, None)

    assert coroutine.cr_await.cr_code is handler.__code__
    coroutine.close()
