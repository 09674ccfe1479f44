"""Function: the contract of a handler that endpoints and consumers call."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Protocol, runtime_checkable

from runtime.entry_id import EntryId
from runtime.handlers.arguments.signature import Caller, Signature
from runtime.handlers.context import Subject


class Function(Protocol):
    """A handler, ready to be called."""

    @property
    def id(self) -> EntryId: ...

    @property
    def takes_argument(self) -> bool:
        """True if the handler declares a positional parameter."""
        ...

    @property
    def blocking(self) -> bool:
        """True if the handler is a plain `def`, which runs in a thread."""
        ...

    def call(self, subject: Subject, *arguments: Any) -> Awaitable[Any]:
        """Call the handler, as `runtime.handlers.invocation.Invocation` does."""
        ...


@runtime_checkable
class Described(Function, Protocol):
    """A function that tells its parameters."""

    @property
    def function(self) -> Callable[..., Any]:
        """The Python function, as it was loaded."""
        ...

    def signature(self, caller: Caller) -> Signature:
        """The signature for a caller. Raises StartError for one that it cannot be called by."""
        ...


@runtime_checkable
class Generating(Function, Protocol):
    """A function whose calls may be generators."""

    def generate(self, subject: Subject, *arguments: Any) -> AsyncGenerator[Any]:
        """Call the handler and return the generator that it is, of which nothing has run.

        Sets the current `Call` of the calling task: iterate in that task.
        """
        ...


@runtime_checkable
class Stoppable(Function, Protocol):
    """A plain `def` that a cancellation ends, as it ends an `async def`."""

    @property
    def stoppable(self) -> bool: ...


@runtime_checkable
class Separable(Function, Protocol):
    """A function that can keep the calls of one consumer apart from all others."""

    def for_consumer(self, name: str, concurrency: int) -> Function:
        """The same function for one consumer, with a copy of the context for each call.

        A plain `def` gets `concurrency` threads of its own: others would wait for its messages.
        """
        ...
