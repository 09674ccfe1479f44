"""QueuePages: answers the requests for pages of queues and messages, and publishes by a form."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import HTMLResponse, RedirectResponse

from runtime.engines.management.messages import MessagePage, listed, payload, status, who_asks
from runtime.engines.management.operation import LoopBlocked, Refused
from runtime.engines.management.pages import messages, publishing, queues
from runtime.engines.management.pages.publishing import Draft
from runtime.engines.management.pages.reception import Reception, queried, sentence
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.queues import find_queue
from runtime.engines.management.snapshot import QueueStatus
from runtime.engines.management.source import Source
from runtime.engines.queue.browsing import STATES
from runtime.engines.queue.status import Status
from runtime.engines.web.exchange import Exchange

_LONGEST_PAYLOAD = 256 * 1024
"""Bytes of a payload that a page indents."""
_FIRST = 5
"""Messages in each state that the page of a queue shows."""
_PAGE = 50


class QueuePages:
    """The pages of queues, of one door."""

    def __init__(self, source: Source, reception: Reception) -> None:
        self._source = source
        self._reception = reception

    async def all(self, exchange: Exchange, sight: Sight) -> str:
        return queues.render_all(sight, queried(exchange, "find"))

    async def one(self, exchange: Exchange, sight: Sight) -> str:
        queue = _queue(exchange, sight)
        try:
            first: Mapping[str, MessagePage] | str = await self._first(queue.id)
        except Refused as error:
            first = sentence(str(error))
        except LoopBlocked:
            first = "The event loop is blocked, so nobody can look into the queue."
        shown = messages.first(sight, queue, first)
        published = queried(exchange, "published")
        return queues.render_one(
            await self._reception.with_lanes(sight), queue, shown, published=published
        )

    async def messages(self, exchange: Exchange, sight: Sight) -> str:
        queue = _queue(exchange, sight)
        state, after = queried(exchange, "state") or "ready", queried(exchange, "after")
        found = await listed(self._source, queue.id, state, _PAGE, after)
        return messages.render_all(sight, queue, state, found, after, queried(exchange, "find"))

    async def message(self, exchange: Exchange, sight: Sight) -> str:
        queue, id = _queue(exchange, sight), exchange.params["message"]
        told = await status(self._source, queue.id, id)
        traces = self._source.traces
        is_traced = traces is not None and bool(traces.find(id))
        found = msgspec.convert(told, Status)
        return messages.render_one(sight, queue.id, found, is_traced=is_traced)

    async def payload(self, exchange: Exchange, sight: Sight) -> str:
        if not sight.right.may_act:
            raise Refused(403, f"a payload is for those who may act: {sight.right.why}")
        queue, id = exchange.params["id"], exchange.params["message"]
        body = await payload(self._source, queue, id, who_asks(exchange))
        text, size = str(body["text"]), int(body["size"])
        if size <= _LONGEST_PAYLOAD:
            text = _pretty(text)
        return messages.render_payload(sight, queue, id, text, size)

    async def form(self, exchange: Exchange, sight: Sight) -> str:
        return publishing.render(sight, _queue(exchange, sight).id, Draft())

    async def publish(self, exchange: Exchange) -> Any:
        """Publish what the form has, or show it again with what is wrong."""
        id, form = exchange.params["id"], await exchange.request.form()
        draft = Draft(**{name: str(form.get(name, "")) for name in Draft.__struct_fields__})
        try:
            message = await self._source.ask("queue.publish", queue=id, **publishing.read(draft))
        except publishing.Invalid as error:
            field, text = error.field, error.text
        except (LoopBlocked, Refused) as error:
            sight = await self._reception.sight(exchange.scope)
            if not isinstance(error, Refused) or error.status != 400:
                return self._reception.failure(sight, error, "That was not published")
            field, text = "", str(error).replace(": #: ", ": it ")
        else:
            return RedirectResponse(queues.published_address(id, str(message)), 303)
        sight = await self._reception.sight(exchange.scope)
        return HTMLResponse(publishing.render(sight, id, draft, field, sentence(text)), 400)

    async def _first(self, queue: str) -> Mapping[str, MessagePage]:
        """The first messages in each state."""
        found = [listed(self._source, queue, state, _FIRST, "") for state in STATES]
        return dict(zip(STATES, await asyncio.gather(*found), strict=True))


def _queue(exchange: Exchange, sight: Sight) -> QueueStatus:
    return find_queue(sight.snapshot, exchange.params["id"])


def _pretty(text: str) -> str:
    try:
        return msgspec.json.format(text.encode(), indent=2).decode()
    except (msgspec.DecodeError, UnicodeError):
        return text
