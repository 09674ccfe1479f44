"""Block: what encloses the life of a value, whichever of Python's ways it is written in.

A generator yields the value once, a context manager returns it as it is entered, and any other
value has nothing around it. Not by `contextlib`, whose errors speak of neither function nor stop,
and whose frames would come before the user's in a traceback.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol

from runtime.service import StartError

_NO_YIELD = "it ended without a 'yield', so that there is nothing to hand out"
_SECOND_YIELD = "it yielded a second time; what follows its 'yield' is run at the stop"


class Block(Protocol):
    """A block of plain Python."""

    def enter(self) -> Any:
        """Enter it, and return the value."""
        ...

    def leave(self, error: BaseException | None) -> None:
        """Leave it; with an error, as if that was raised in the block. Returns if it is caught."""
        ...


class AsyncBlock(Protocol):
    """A block that is awaited; both halves in one task."""

    async def enter(self) -> Any: ...

    async def leave(self, error: BaseException | None) -> None: ...


def is_async(made: Any) -> bool:
    """True for what the event loop has to await or to enter."""
    return isinstance(_generator(made), AsyncGenerator) or any(
        hasattr(type(made), name) for name in ("__aenter__", "__await__")
    )


def block(made: Any) -> Block:
    """The block of what a function made, if that is not async."""
    generator = _generator(made)
    if isinstance(generator, Generator):
        return _Generated(generator)
    if _is_manager(made, "__enter__", "__exit__"):
        return _Managed(made)
    return _Bare(made)


class LoopBlock:
    """The block of a value that the event loop makes, of either sort."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._inner: Block | AsyncBlock | None = None

    async def enter(self) -> Any:
        made = self._make()
        while isinstance(made, Awaitable) and not _is_manager(made, "__aenter__", "__aexit__"):
            made = await made
        generator = _generator(made)
        if isinstance(generator, AsyncGenerator):
            made_by_generator = _AsyncGenerated(generator)
            value = await made_by_generator.enter()
            self._inner = made_by_generator
        elif _is_manager(made, "__aenter__", "__aexit__"):
            managed = _AsyncManaged(made)
            value = await managed.enter()
            self._inner = managed
        else:
            plain = block(made)
            value = plain.enter()
            self._inner = plain
        return value

    async def leave(self, error: BaseException | None) -> None:
        assert self._inner is not None
        leaving = self._inner.leave(error)
        if leaving is not None:
            await leaving


class _Bare:
    def __init__(self, value: Any) -> None:
        self._value = value

    def enter(self) -> Any:
        return self._value

    def leave(self, error: BaseException | None) -> None:
        if error is not None:
            raise error


class _Managed:
    def __init__(self, manager: AbstractContextManager[Any]) -> None:
        self._manager = manager

    def enter(self) -> Any:
        return self._manager.__enter__()

    def leave(self, error: BaseException | None) -> None:
        if error is None:
            self._manager.__exit__(None, None, None)
        elif not self._manager.__exit__(type(error), error, error.__traceback__):
            raise error


class _AsyncManaged:
    def __init__(self, manager: AbstractAsyncContextManager[Any]) -> None:
        self._manager = manager

    async def enter(self) -> Any:
        return await self._manager.__aenter__()

    async def leave(self, error: BaseException | None) -> None:
        if error is None:
            await self._manager.__aexit__(None, None, None)
        elif not await self._manager.__aexit__(type(error), error, error.__traceback__):
            raise error


class _Generated:
    def __init__(self, generator: Generator[Any, None, None]) -> None:
        self._generator = generator

    def enter(self) -> Any:
        try:
            return next(self._generator)
        except StopIteration:
            raise StartError(_NO_YIELD) from None

    def leave(self, error: BaseException | None) -> None:
        try:
            if error is None:
                next(self._generator)
            else:
                self._generator.throw(error)
        except StopIteration:
            return
        self._generator.close()
        raise StartError(_SECOND_YIELD)


class _AsyncGenerated:
    def __init__(self, generator: AsyncGenerator[Any, None]) -> None:
        self._generator = generator

    async def enter(self) -> Any:
        try:
            return await anext(self._generator)
        except StopAsyncIteration:
            raise StartError(_NO_YIELD) from None

    async def leave(self, error: BaseException | None) -> None:
        try:
            if error is None:
                await anext(self._generator)
            else:
                await self._generator.athrow(error)
        except StopAsyncIteration:
            return
        await self._generator.aclose()
        raise StartError(_SECOND_YIELD)


def _generator(made: Any) -> Any:
    """The generator that a function made, also behind `@contextmanager` and its async sister."""
    if isinstance(made, AbstractContextManager | AbstractAsyncContextManager):
        return getattr(made, "gen", None)
    return made


def _is_manager(made: Any, enter: str, leave: str) -> bool:
    """True for a context manager that is no lock: the block of a lock is for those who use it.

    A pool of connections, which may have the same methods, can be closed.
    """
    kind = type(made)
    is_lock = all(hasattr(made, name) for name in ("acquire", "release")) and not any(
        hasattr(made, name) for name in ("close", "aclose")
    )
    return hasattr(kind, enter) and hasattr(kind, leave) and not is_lock
