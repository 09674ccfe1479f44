"""Reception: shows the application to whoever asks, and says in words what cannot be shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace
from starlette.responses import HTMLResponse
from starlette.types import Scope

from runtime.engines.management.lanes import Bar, Lanes
from runtime.engines.management.operation import LoopBlocked, Refused
from runtime.engines.management.pages.frame import Item, frame, section
from runtime.engines.management.pages.markup import empty, link, panel
from runtime.engines.management.pages.sight import Right, Sight
from runtime.engines.management.table import BLOCKED, Desk
from runtime.engines.management.verdict import LATE
from runtime.engines.web.exchange import Exchange

_RECENT = 900.0
"""Seconds in which an error counts as new."""
_HERE = " at this path"
"""The end of what a dispatcher says of an address."""
_LONGEST = 200
"""Characters of an address that a page repeats."""

Page = Callable[[Exchange, Sight], Awaitable[str]]


class Reception:
    """Makes a sight for each request, and a page of whatever was raised."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def page(self, make: Page) -> Callable[[Exchange], Awaitable[HTMLResponse]]:
        """A handler that answers with a page."""

        async def answer(exchange: Exchange) -> HTMLResponse:
            return HTMLResponse(await make(exchange, await self.sight(exchange.scope)))

        return answer

    async def sight(self, scope: Scope) -> Sight:
        """The application at this moment, for whoever asks."""
        source = self._desk.source
        outlook = source.outlook
        return Sight(
            snapshot=await source.read_whole(),
            history=outlook.history,
            catalog=outlook.catalog(),
            now=outlook.clock.time(),
            failures=self._failures(),
            right=self._right(scope),
            requeues=outlook.requeues.all(),
        )

    async def with_lanes(self, sight: Sight) -> Sight:
        """The sight with the lanes of all consumers, unless the event loop keeps silent."""
        snapshot = sight.snapshot
        if snapshot.blocked is not None or snapshot.age > LATE:
            return sight
        with suppress(LoopBlocked, Refused):
            found = await self._desk.source.ask("lanes")
            return replace(sight, lanes=Lanes(msgspec.convert(found, dict[str, list[list[Bar]]])))
        return sight

    def failure(self, sight: Sight, error: LoopBlocked | Refused, title: str) -> HTMLResponse:
        """A page in place of the one that a form leads to."""
        if isinstance(error, LoopBlocked):
            return HTMLResponse(_told(sight, BLOCKED, str(error)), 503)
        return HTMLResponse(_told(sight, title, str(error)), error.status)

    async def mishap(self, scope: Scope, problem: Mapping[str, Any]) -> str:
        """A page in place of a problem document."""
        status, title, path = problem["status"], problem["title"], scope["path"][:_LONGEST]
        if title != BLOCKED:
            title = "Not found" if status == 404 else "That could not be done"
        text = problem.get("detail", problem["title"])
        if text.endswith(_HERE):
            text = f"{text.removesuffix(_HERE)} at '{path}'"
        return _told(await self.sight(scope), title, text, section(path))

    def _failures(self) -> int:
        source = self._desk.source
        if source.traces is None:
            return 0
        since = datetime.fromtimestamp(source.outlook.clock.time() - _RECENT, UTC)
        return len(source.traces.errors.groups(f"{since:%Y-%m-%dT%H:%M:%S}"))

    def _right(self, scope: Scope) -> Right:
        desk = self._desk
        if desk.may_act(scope):
            token = desk.form_token(scope)
            return Right(True, token=token, signed_in=bool(token))
        has_token = desk.rights is not None and desk.rights.has_token
        why = "sign in to act" if has_token else "set RUNTIME_TOKEN to act"
        return Right(False, why, can_sign_in=has_token)


def _told(sight: Sight, title: str, text: str, near: Item | None = None) -> str:
    """A page of one sentence, with the ways on; `near` is the page to which the address belongs."""
    ways = [link(near.address, near.label)] if near is not None else []
    ways.append(link("/", "Back to the overview"))
    shown = panel(title, f"{empty(sentence(text))}<p>{' · '.join(ways)}</p>")
    name = near.name if near is not None else ""
    return frame(name, title, sight, f'<div class="stack">{shown}</div>')


def queried(exchange: Exchange, name: str) -> str:
    """A value of the query, cut at 200 characters; empty if it is not there."""
    return exchange.request.query_params.get(name, "")[:200]


def sentence(text: str) -> str:
    """The text of an error as a sentence."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
