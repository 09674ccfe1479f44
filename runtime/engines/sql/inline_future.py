"""InlineFuture: the result of something that no task waits for, as a rule."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any, Self


class InlineFuture:
    """As an `asyncio.Future` that is never cancelled, but its one callback is called at once when
    it is settled, not in a turn of the event loop to come. Belongs to the running loop.
    """

    __slots__ = ("_callback", "_done", "_error", "_loop", "_result")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._callback: Callable[[Any], object] | None = None
        self._done = False
        self._result: Any = None
        self._error: BaseException | None = None

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def done(self) -> bool:
        return self._done

    def cancelled(self) -> bool:
        return False

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._result

    def exception(self) -> BaseException | None:
        return self._error

    def set_result(self, result: Any) -> None:
        self._result = result
        self._settle()

    def set_exception(self, error: BaseException) -> None:
        self._error = error
        self._settle()

    def add_done_callback(self, callback: Callable[[Self], object]) -> None:
        """Have it called once; there can be no other one."""
        assert self._callback is None
        self._callback = callback
        if self._done:
            self._loop.call_soon(self._settle)

    def __await__(self) -> Generator[Any, None, Any]:
        waiter = self._loop.create_future()

        def wake(_: object) -> None:
            if not waiter.done():
                waiter.set_result(None)

        self.add_done_callback(wake)
        yield from waiter
        return self.result()

    def _settle(self) -> None:
        self._done = True
        if self._callback is None:
            return
        try:
            self._callback(self)
        except Exception as error:  # as the loop does it: others are settled after this one
            message = f"the callback of a settled request failed: {self._callback}"
            self._loop.call_exception_handler({"message": message, "exception": error})
