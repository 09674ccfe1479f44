"""Acting: does what a form of a page asks for, and returns to that page."""

from __future__ import annotations

from typing import Any

from starlette.responses import RedirectResponse

from runtime.engines.management.letters import found_groups
from runtime.engines.management.operating import STOP
from runtime.engines.management.operation import LoopBlocked, Refused
from runtime.engines.management.pages.reception import Reception
from runtime.engines.management.reload import refusal
from runtime.engines.management.rights import FORM_TOKEN
from runtime.engines.management.source import Source
from runtime.engines.management.table import local
from runtime.engines.web.exchange import Exchange

_SOON = 1.0
"""Seconds in which a requeue of a few letters has ended."""


class Acting:
    """The forms with one button."""

    def __init__(self, source: Source, reception: Reception) -> None:
        self._source = source
        self._reception = reception

    async def act(self, exchange: Exchange) -> Any:
        """Do the operation that the form names, with its other fields as arguments."""
        form = await exchange.request.form()
        fields = {name: str(value) for name, value in form.items()}
        operation, back = fields.pop("operation", ""), fields.pop("back", "/")
        fields.pop(FORM_TOKEN, None)
        try:
            await self._carry_out(operation, fields)
        except (LoopBlocked, Refused) as error:
            sight = await self._reception.sight(exchange.scope)
            return self._reception.failure(sight, error, "That was not done")
        return RedirectResponse(local(back), 303)

    async def _carry_out(self, operation: str, fields: dict[str, str]) -> None:
        arguments: dict[str, Any] = fields
        if operation == "dead.requeue":
            await self._requeue(fields)
            return
        if operation == STOP:
            self._source.outlook.requeues.stop(fields.get("queue", ""))
            return
        if operation == "dead.drop":
            arguments = await self._letters_of(fields)
        result = await self._source.ask(operation, **arguments)
        if operation == "reload" and result["findings"]:
            raise Refused(409, refusal(result["findings"]))

    async def _requeue(self, fields: dict[str, str]) -> None:
        """Begin with the letters of a cause; a few are done before the page is seen again."""
        queue, requeues = fields.get("queue", ""), self._source.outlook.requeues
        cause, rate = fields.get("cause", ""), fields.get("rate", "")
        await requeues.start(self._source, queue, cause, rate)
        ended = await requeues.settle(queue, _SOON)
        if ended.why and not ended.done:
            raise Refused(400, ended.why)

    async def _letters_of(self, fields: dict[str, str]) -> dict[str, Any]:
        """The letters of a cause, for an action on all of them: those that were shown."""
        queue = fields.get("queue", "")
        found = await found_groups(self._source, queue)
        chosen = next((each for each in found if each.key == fields.get("cause")), None)
        if chosen is None:
            raise Refused(404, "there is no letter of this cause any more")
        return {"queue": queue, "ids": [each.id for each in chosen.letters]}
