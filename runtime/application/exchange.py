"""Exchange: old components for new ones, under the services of an application that runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from runtime.application.assembly import Assembly
from runtime.application.draft import Draft
from runtime.handlers.context import ApplicationContext


class ComponentExchange:
    """Puts a draft in the place of the assembly that is in use, and back again."""

    def __init__(
        self,
        draft: Draft,
        scope: ApplicationContext,
        use: Callable[[Assembly], None],
    ) -> None:
        self._draft = draft
        self._scope = scope
        self._use = use
        self._holders = scope.holders

    def commit(self) -> None:
        self._draft.commit()
        self._holders = self._scope.holders
        self._use(self._draft.assembly)

    def undo(self) -> None:
        assert self._draft.previous is not None
        self._draft.undo()
        self._use(self._draft.previous)

    async def released(self, limit: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._holders.gone(), limit)
