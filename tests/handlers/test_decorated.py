"""Decorated handlers: an `async def` stays one, whatever stands around it."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtime.handlers.handler import Handler
from runtime.handlers.threads import ThreadPool
from tests.handlers.test_invocation import Subject, invocation, run
from tests.support.program import SOON, running, write_application

tenant = ContextVar("tenant", default="nobody")


async def work(*arguments: Any) -> Any:
    return threading.current_thread().name, tenant.get(), arguments


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*arguments: Any) -> Any:
        tenant.set("ada")
        return function(*arguments)

    return wrapper


def bare(function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*arguments: Any) -> Any:
        tenant.set("ada")
        return function(*arguments)

    return wrapper


def with_a_loop_of_its_own(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*arguments: Any) -> Any:
        return asyncio.run(function(*arguments))

    return wrapper


class Around:
    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)


class Calls:
    async def __call__(self, *arguments: Any) -> Any:
        return await work(*arguments)

    async def method(self, *arguments: Any) -> Any:
        return await work(*arguments)


ASYNC = [
    work,
    wrapped(work),
    wrapped(wrapped(work)),
    Around(work),
    Around(wrapped(work)),
    functools.partial(work, 0),
    functools.partial(wrapped(work), 0),
    wrapped(functools.partial(work, 0)),
    Calls(),
    Calls().method,
    wrapped(Calls().method),
    functools.partial(Calls(), 0),
    wrapped(Calls()),
]


@pytest.mark.parametrize("function", ASYNC)
def test_it_runs_on_the_loop(function: Callable[..., Any]) -> None:
    assert not Handler(function, ThreadPool(1).submit).blocking

    async def main() -> Any:
        return await invocation(function).call(Subject(), 1)

    thread, _, arguments = run(main())
    assert (thread, arguments[-1]) == ("MainThread", 1)


@pytest.mark.parametrize(
    "function", [len, wrapped(len), bare(work), print, functools.partial(len, ""), Around(len), int]
)
def test_all_others_run_in_a_thread(function: Callable[..., Any]) -> None:
    assert Handler(function, ThreadPool(1).submit).blocking


def test_a_decorator_that_runs_a_loop_of_its_own_may_do_so() -> None:
    async def main() -> Any:
        return await invocation(with_a_loop_of_its_own(work)).call(Subject(), 1)

    assert run(main())[0].startswith("handler-")


async def without_argument() -> str:
    return "done"


def takes_the_request(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def wrapper(request: Any) -> Any:
        return request, await function()

    return wrapper


def takes_nothing(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def wrapper() -> Any:
        return await function(1)

    return wrapper


@pytest.mark.parametrize(
    ("function", "takes_argument"),
    [
        (takes_the_request(without_argument), True),
        (wrapped(takes_the_request(without_argument)), True),
        (Around(takes_the_request(without_argument)), True),
        (takes_nothing(work), False),
        (wrapped(takes_nothing(work)), False),
        (wrapped(without_argument), False),
        (Around(without_argument), False),
        (bare(without_argument), True),
        (wrapped(work), True),
        (wrapped(Calls().method), True),
    ],
)
def test_the_decorator_s_own_function_says_whether_it_takes_an_argument(
    function: Callable[..., Any], takes_argument: bool
) -> None:
    assert Handler(function, ThreadPool(1).submit).takes_argument is takes_argument


@pytest.mark.parametrize("decorator", [wrapped, bare])
def test_what_a_decorator_sets_in_the_context_is_seen(decorator: Callable[..., Any]) -> None:
    async def main() -> Any:
        return await invocation(decorator(work)).call(Subject(), 1)

    assert run(main())[1] == "ada"


MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: api, kind: http.router, meta: {server: gateway}}
  - {name: post, kind: http.endpoint, meta: {router: api}, method: POST, path: "/", func: echo}
  - {name: echo, kind: function.python, source: "file://h.py", method: echo, modules: [http]}
"""
BARE = """
from runtime.modules import http
def bare(function):
    def wrapper(*arguments):
        return function(*arguments)
    return wrapper

@bare
async def echo(request):
    parts = [part async for part in request.stream()]
    assert await request.body() == b"".join(parts) == await http.request().body()
    return [await request.json(), request.method, request.headers["x-other"]]
"""


def test_behind_a_decorator_that_says_nothing_an_endpoint_gets_the_request_it_awaits(
    tmp_path: Path,
) -> None:
    with running(write_application(tmp_path, MANIFEST, **{"h.py": BARE})) as program:
        for _ in range(2):
            answer = httpx.post(
                program.url(), json={"a": 1}, headers={"X-Other": "b"}, timeout=SOON
            )
            assert answer.json() == [{"a": 1}, "POST", "b"]
