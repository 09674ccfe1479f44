"""Handlers: files of an application as functions."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.findings.finding import Position
from runtime.handlers.handler import Handlers
from runtime.handlers.threads import ThreadPool
from runtime.service import StartError


@pytest.fixture
def pool() -> ThreadPool:
    return ThreadPool(2)


@pytest.fixture
def handlers(tmp_path: Path, pool: ThreadPool) -> Iterator[Handlers]:
    made = Handlers(tmp_path, pool)
    yield made
    made.forget()


def place(*path: str) -> Position:
    return Position("_index.yaml", 1, 1)


def test_siblings_are_imported_with_a_dot(handlers: Handlers, tmp_path: Path) -> None:
    (tmp_path / "my-src" / "deep").mkdir(parents=True)
    (tmp_path / "my-src" / "rules.py").write_text("ANSWER = 42\n")
    (tmp_path / "my-src" / "deep" / "h.py").write_text(
        "from ..rules import ANSWER\nasync def main():\n    return ANSWER\n"
    )

    handler = handlers.load("file://deep/h.py", "main", tmp_path / "my-src", place)

    async def main() -> object:
        return await handler.function()

    assert asyncio.run(main()) == 42


def test_two_applications_share_no_module(tmp_path: Path, pool: ThreadPool) -> None:
    results = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "h.py").write_text(f"async def main():\n    return {name!r}\n")
        made = Handlers(folder, pool)
        results.append(made.load("file://h.py", "main", folder, place).function)

    assert results[0] is not results[1]
    assert results[0].__module__ != results[1].__module__


def test_a_function_that_is_not_there_is_told_at_its_place(
    handlers: Handlers, tmp_path: Path
) -> None:
    (tmp_path / "h.py").write_text("main = 3\n")

    with pytest.raises(StartError, match=r"_index.yaml:1:1: .*'main'"):
        handlers.load("file://h.py", "main", tmp_path, place)


def test_an_installed_module_is_a_source_too(handlers: Handlers, tmp_path: Path) -> None:
    handler = handlers.load("module://json", "dumps", tmp_path, place)

    assert handler.blocking
    assert handler.takes_argument


def test_a_plain_function_runs_in_a_thread_with_its_callers_context(pool: ThreadPool) -> None:
    variable = contextvars.ContextVar("variable", default="unset")

    async def main() -> tuple[str, bool]:
        variable.set("mine")
        here = threading.current_thread()
        return await pool.submit(lambda: (variable.get(), threading.current_thread() is not here))

    assert asyncio.run(main()) == ("mine", True)


@pytest.mark.parametrize("raised", [StopIteration("x"), SystemExit(3), KeyboardInterrupt()])
def test_what_would_end_the_loop_is_an_error_of_the_call(
    raised: BaseException, pool: ThreadPool
) -> None:
    def handler() -> None:
        raise raised

    async def main() -> None:
        with pytest.raises(RuntimeError, match=type(raised).__name__):
            await pool.submit(handler)
        assert await pool.submit(lambda: "still here") == "still here"

    asyncio.run(main())


def test_the_pool_runs_no_more_at_once_than_its_size(pool: ThreadPool) -> None:
    inside, gate, most = [0], threading.Event(), [0]
    lock = threading.Lock()

    def handler() -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            if inside[0] == pool.size:
                gate.set()
        assert gate.wait(30)
        with lock:
            inside[0] -= 1

    async def main() -> None:
        await asyncio.gather(*(pool.submit(handler) for _ in range(10)))

    asyncio.run(main())

    assert most == [pool.size]
    assert pool.unfinished == 0
