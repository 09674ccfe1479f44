"""Functions: what endpoints and consumers call."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol

from runtime.entry_id import EntryId


class Function(Protocol):
    """A handler, ready to be called."""

    @property
    def id(self) -> EntryId: ...

    @property
    def takes_argument(self) -> bool:
        """Whether the handler declares a positional parameter."""
        ...

    @property
    def blocking(self) -> bool:
        """Whether the handler is a plain `def`, which runs in a thread."""
        ...

    def call(self, subject: object, *arguments: Any) -> Awaitable[Any]:
        """Call the handler about `subject` (see `runtime.handlers.context.Call`).

        Sets the current context of the calling task and does not reset it: call it from a task
        that is yours. Cancelling the awaitable cancels an `async def`; the thread of a `def` goes
        on, keeps its slot until it returns, and its result is ignored.
        """
        ...
