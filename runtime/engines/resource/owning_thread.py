"""OwningThread: a thread that makes a value, enters its block, and leaves it again."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

from runtime.engines.resource.block import LoopBlock, block, is_async
from runtime.handlers.threads import resolve


class OwningThread:
    """An async block around what a plain `def` makes: one thread runs it from its first line to its
    last, for what belongs to a thread, such as a connection of `sqlite3`.

    What the event loop has to enter, such as an `httpx.AsyncClient`, the thread only makes.
    """

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        self._name = name
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._entered: asyncio.Future[tuple[Any, bool]] = self._loop.create_future()
        self._left: asyncio.Future[None] = self._loop.create_future()
        self._leave = threading.Event()
        self._on_loop: LoopBlock | None = None

    async def enter(self) -> Any:
        main = contextvars.copy_context().run
        threading.Thread(target=main, args=[self._main], name=self._name, daemon=True).start()
        try:
            value, is_entered = await self._entered
        except BaseException:
            self._leave.set()  # a thread cannot be cancelled: it leaves once it has entered
            raise
        if is_entered:
            return value
        self._on_loop = LoopBlock(lambda: value)
        return await self._on_loop.enter()

    async def leave(self, error: BaseException | None) -> None:
        if self._on_loop is not None:
            return await self._on_loop.leave(error)
        self._leave.set()
        await self._left
        if error is not None:
            raise error

    def _main(self) -> None:
        outcome: asyncio.Future[Any] = self._entered
        error: BaseException | None = None
        try:
            made = self._make()
            if is_async(made):
                return resolve(self._loop, outcome, (made, False), None)
            around = block(made)
            value = around.enter()
            resolve(self._loop, outcome, (value, True), None)
            outcome = self._left
            del value, made
            self._leave.wait()
            around.leave(None)
        except StopIteration as raised:  # which a future does not accept
            error = RuntimeError(f"it raised StopIteration: {raised}")
        except BaseException as raised:
            error = raised
        resolve(self._loop, outcome, None, error)
