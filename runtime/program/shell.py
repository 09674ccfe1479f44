"""Shell: Python at a prompt, with a part of an application running in a thread beside it."""

from __future__ import annotations

import ast
import asyncio
import code
import contextvars
import inspect
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from types import CodeType, FunctionType
from typing import Any, TypeVar

from runtime.application.part import Part
from runtime.entry_id import EntryId
from runtime.exit_codes import ExitCode
from runtime.handlers.context import Background, Call, current
from runtime.log.traceback import format_traceback
from runtime.loggers import logger
from runtime.program.loop import cancel_remaining_tasks, new_loop, report
from runtime.service import Stage, StartError

log = logger("runtime")

T = TypeVar("T")

NOTICED = 0.1
"""Seconds within which the main thread sees a signal."""


def run_shell(part: Part, names: dict[str, Any], id: EntryId, banner: str) -> int:
    """Start the resources of `part`, run what is typed or piped in, stop, and return the exit code.

    `names` are at hand. What is called is called as by the entry `id`.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _exit)
    current.set(Call(id, part.scope, Background()))
    try:
        with _running(part) as loop:
            shell = Shell(names, loop)
            return shell.talk(banner) if sys.stdin.isatty() else shell.run_text(sys.stdin.read())
    except StartError as error:
        log.error("%s", error)
        return ExitCode.START_FAILED


class Shell(code.InteractiveConsole):
    """A console where `await` may stand at the top; such a statement runs on the loop."""

    def __init__(self, names: dict[str, Any], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__({"__name__": "__console__", "__doc__": None, **names})
        self.compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self._loop = loop

    def talk(self, banner: str) -> int:
        """Read and run statements until the end of the input."""
        with suppress(ImportError):  # a Python may be built without it
            import readline
            import rlcompleter

            readline.set_completer(rlcompleter.Completer(self.locals).complete)
            readline.parse_and_bind("tab: complete")
        self.interact(banner, exitmsg="")
        return ExitCode.OK

    def run_text(self, text: str) -> int:
        """Run a whole script, up to the first error."""
        try:
            self._run(compile(text, "<stdin>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
        except Exception as error:
            self.write(format_traceback(error))
            return ExitCode.INTERNAL_ERROR
        return ExitCode.OK

    def runcode(self, code: CodeType) -> None:
        """Run one statement, and show its error."""
        try:
            self._run(code)
        except SystemExit:
            raise
        except KeyboardInterrupt:
            self.write("\nKeyboardInterrupt\n")
        except BaseException as error:
            self.write(format_traceback(error))

    def _run(self, code: CodeType) -> None:
        if not code.co_flags & inspect.CO_COROUTINE:
            exec(code, self.locals)
            return
        coroutine = FunctionType(code, self.locals)()
        done: Future[Any] = Future()
        context = contextvars.copy_context()
        running: list[asyncio.Task[Any]] = []

        def begin() -> None:
            running.append(self._loop.create_task(_settle(coroutine, done), context=context))

        def cancel() -> None:
            for task in running:
                task.cancel()

        try:
            self._loop.call_soon_threadsafe(begin)
            _result(done)
        except KeyboardInterrupt:
            self._loop.call_soon_threadsafe(cancel)
            raise


def _result(future: Future[T]) -> T:
    """The call's result, unless a signal comes first.

    A wait for a lock is not ended by a signal that another thread took, or that came just before:
    Ctrl-C right after a statement has printed was lost. So no wait is a long one.
    """
    while not future.done():
        wait((future,), NOTICED)
    return future.result()


async def _settle(coroutine: Any, done: Future[Any]) -> None:
    """Await it, and hand on whatever comes of it: a SystemExit must not end the loop."""
    try:
        done.set_result(await coroutine)
    except BaseException as error:
        done.set_exception(error)


@contextmanager
def _running(part: Part) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop in a thread of its own, on which the resources run. Raises StartError."""
    loop = new_loop()
    loop.set_exception_handler(report)
    started: Future[None] = Future()
    stop = asyncio.Event()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(_serve(part, started, stop)),
        daemon=True,
        name="shell",
    )
    thread.start()
    try:
        _result(started)
        yield loop
    finally:
        if not loop.is_closed() and thread.is_alive():
            loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


async def _serve(part: Part, started: Future[None], stop: asyncio.Event) -> None:
    try:
        async with part.open((Stage.RESOURCE,)):
            started.set_result(None)
            await stop.wait()
    except StartError as error:
        started.set_exception(error)
    await cancel_remaining_tasks(asyncio.get_running_loop())  # services have ended, in order


def _exit(number: int, frame: object) -> None:
    raise SystemExit(128 + number)
