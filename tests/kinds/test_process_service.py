"""process.service: when it is ready, what its result means, and how it ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runtime.entry_id import EntryId
from runtime.findings.finding import Position
from runtime.handlers.context import ApplicationContext
from runtime.handlers.handler import Handler
from runtime.handlers.threads import ThreadPool
from runtime.kind import BuildContext
from runtime.kinds.process import host, python, service
from runtime.modules import process
from runtime.modules.sync import process as sync_process
from runtime.service import StartError, Unavailable

SOON = 30


def build(name: str, main: Callable[..., Any] | None = None) -> BuildContext:
    scope = ApplicationContext()
    scope.loop = asyncio.get_running_loop()
    loader: Any = SimpleNamespace(load=lambda *_: Handler(main or print, ThreadPool(1).submit))
    return BuildContext(
        id=EntryId("app", name),
        scope=scope,
        handlers=loader,
        folder=Path(),
        manifest_folder=Path(),
        position=lambda *path: Position("_index.yaml"),
    )


class Running:
    """A service with its process, run as the supervisor would."""

    def __init__(
        self,
        main: Callable[..., Any],
        *input: Any,
        type: str = "simple",
        slot: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        source = python.Config(source="file://main.py", method="main", modules=[], command=None)
        made = python.PythonProcess(source, build("main", main))
        on: Any = SimpleNamespace(slot=slot)
        config = service.Config(
            process=made, host=on, input=list(input), type=type, exclusive=None, watchdog=None
        )
        self.stop = asyncio.Event()
        self.ready = asyncio.Event()
        it = service.ProcessService(config, build("service"))
        self.task = asyncio.create_task(it.run(lambda where="": self.ready.set(), self.stop))

    async def end(self) -> int:
        return await asyncio.wait_for(asyncio.shield(self.task), SOON)


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 2 * SOON))


async def idle() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("blocking", [False, True], ids=["async", "thread"])
@pytest.mark.parametrize(
    ("does", "code"),
    [
        (lambda: None, 0),
        (lambda: 0, 0),
        (lambda: 3, 3),
        (lambda: exit_with(0), 0),
        (lambda: exit_with(7), 7),
        (lambda: exit_with(None), 0),
    ],
    ids=["nothing", "0", "3", "exit 0", "exit 7", "exit"],
)
def test_a_result_is_an_exit_code_and_so_is_sys_exit(
    does: Callable[[], Any], code: int, blocking: bool
) -> None:
    async def main() -> None:
        assert await Running(does if blocking else coroutine(does)).end() == code

    run(main())


def exit_with(code: Any) -> None:
    raise SystemExit(code)


def coroutine(function: Callable[..., Any]) -> Callable[..., Any]:
    async def handler(*arguments: Any) -> Any:
        return function(*arguments)

    return handler


@pytest.mark.parametrize("result", [True, False, "done", 1.0, []])
def test_any_other_result_is_a_failure_that_says_so(result: Any) -> None:
    async def main() -> None:
        with pytest.raises(StartError, match="is not an exit code; return 0 or nothing"):
            await Running(coroutine(lambda: result)).end()

    run(main())


@pytest.mark.parametrize("blocking", [False, True], ids=["async", "thread"])
def test_an_exception_is_the_failure_of_the_run(blocking: bool) -> None:
    def broken() -> None:
        raise KeyError("gone")

    async def main() -> None:
        with pytest.raises(KeyError, match="gone"):
            await Running(broken if blocking else coroutine(broken)).end()

    run(main())


def test_the_input_is_what_it_is_called_with() -> None:
    seen: list[Any] = []

    async def main() -> None:
        await Running(coroutine(lambda *all: seen.extend(all)), 1, "two", {"a": 3}).end()

    run(main())
    assert seen == [1, "two", {"a": 3}]


def test_simple_is_ready_when_it_has_started() -> None:
    async def main() -> None:
        it = Running(idle)
        await asyncio.wait_for(it.ready.wait(), SOON)
        it.stop.set()
        assert await it.end() == 0

    run(main())


def test_notify_is_ready_when_it_says_so_and_not_before() -> None:
    async def main() -> None:
        warm, warming = asyncio.Event(), asyncio.Event()

        async def server() -> None:
            warming.set()
            await warm.wait()
            process.ready()
            await idle()

        it = Running(server, type="notify")
        await asyncio.wait_for(warming.wait(), SOON)
        assert not it.ready.is_set()
        warm.set()
        await asyncio.wait_for(it.ready.wait(), SOON)
        it.stop.set()
        assert await it.end() == 0

    run(main())


def test_a_simple_process_may_say_ready_without_effect() -> None:
    async def main() -> None:
        it = Running(coroutine(process.ready), type="oneshot")
        assert await it.end() == 0
        assert not it.ready.is_set()

    run(main())


def test_a_thread_says_ready_and_asks_whether_it_is_to_stop() -> None:
    answers: list[bool] = []

    def server() -> None:
        answers.append(sync_process.stopping(timeout=0))
        sync_process.ready()
        answers.append(sync_process.stopping())

    async def main() -> None:
        it = Running(server, type="notify")
        await asyncio.wait_for(it.ready.wait(), SOON)
        it.stop.set()
        assert await it.end() == 0

    run(main())
    assert answers == [False, True]


def test_a_process_runs_in_a_thread_of_its_own_if_it_is_a_plain_def() -> None:
    threads: list[threading.Thread] = []

    async def main() -> None:
        await Running(lambda: threads.append(threading.current_thread())).end()

    run(main())
    assert threads[0] is not threading.current_thread()
    assert threads[0].name == "app:main"


def test_one_that_never_asked_is_cancelled_at_once() -> None:
    async def main() -> None:
        cancelled = asyncio.Event()

        async def work() -> None:
            try:
                await idle()
            finally:
                cancelled.set()

        it = Running(work)
        await asyncio.wait_for(it.ready.wait(), SOON)
        await asyncio.sleep(0)
        it.stop.set()
        assert await it.end() == 0
        assert cancelled.is_set()

    run(main())


def test_one_that_asked_is_let_finish() -> None:
    async def main() -> None:
        asked, drained = asyncio.Event(), asyncio.Event()

        async def work() -> int:
            asked.set()
            await process.stopping()
            await asyncio.sleep(0)
            drained.set()
            return 0

        it = Running(work)
        await asyncio.wait_for(asked.wait(), SOON)
        it.stop.set()
        assert await it.end() == 0
        assert drained.is_set()

    run(main())


def test_a_stop_that_came_before_it_began_is_tolerated() -> None:
    async def main() -> None:
        it = Running(idle)
        it.stop.set()
        assert await it.end() == 0

    run(main())


def test_a_cancelled_service_waits_until_its_process_is_gone() -> None:
    async def main() -> None:
        began, cleaned = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            began.set()
            try:
                await idle()
            finally:
                await asyncio.sleep(0)  # a clean-up that awaits
                cleaned.set()

        it = Running(work)
        await asyncio.wait_for(began.wait(), SOON)
        it.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await it.end()
        assert cleaned.is_set()

    run(main())


def test_a_host_gives_a_slot_back_when_a_process_is_gone() -> None:
    async def main() -> None:
        one = host.Host(host.Config(max_processes=1), build("host"))
        first = Running(idle, slot=one.slot)
        await asyncio.wait_for(first.ready.wait(), SOON)
        with pytest.raises(Unavailable, match=r"'app:host' has no slot .*max_processes: 1"):
            await Running(idle, slot=one.slot).end()
        first.stop.set()
        await first.end()
        assert await Running(coroutine(lambda: 0), slot=one.slot).end() == 0

    run(main())


def test_the_calls_of_the_module_belong_inside_a_process() -> None:
    with pytest.raises(RuntimeError, match="works only inside a handler"):
        process.ready()
