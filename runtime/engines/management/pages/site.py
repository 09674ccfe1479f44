"""Site: answers the requests for pages, each made from the sight of its moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import to_builtins
from msgspec.structs import replace
from starlette.responses import HTMLResponse, RedirectResponse

from runtime.engines.management.lanes import Bar, Lanes
from runtime.engines.management.letters import Group, Letter, excerpt, groups
from runtime.engines.management.operation import LoopBlocked, Refused
from runtime.engines.management.outlook import Outlook
from runtime.engines.management.pages import (
    dead_letters,
    entries,
    errors,
    overview,
    queues,
    schedules,
    services,
    traces,
)
from runtime.engines.management.pages.events import Events
from runtime.engines.management.pages.flow import Flow, rates_of
from runtime.engines.management.pages.frame import frame
from runtime.engines.management.pages.markup import empty, link, panel
from runtime.engines.management.pages.schedules import ScheduleStatus
from runtime.engines.management.pages.sight import Right, Sight
from runtime.engines.management.reload import refusal
from runtime.engines.management.table import Desk
from runtime.engines.management.traces.record import TraceRecord
from runtime.engines.management.traces.routes import select
from runtime.engines.management.traces.waterfall import waterfall
from runtime.engines.management.verdict import LATE
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError

_LONGEST_PAYLOAD = 256 * 1024
"""Bytes of a payload that a page shows."""

_SLOWEST = 3
"""Traces on the overview."""
_RECENT = 900.0
"""Seconds in which an error counts as new."""

Page = Callable[[Exchange, Sight], Awaitable[str]]


class Site:
    """The pages of one door."""

    def __init__(self, desk: Desk, outlook: Outlook) -> None:
        self._desk = desk
        self._outlook = outlook
        self.flow = Flow()
        self.events = Events(self.sight, self.flow)

    def page(self, make: Page) -> Callable[[Exchange], Awaitable[HTMLResponse]]:
        """A handler that answers with a page; what cannot be told, the page says in words."""

        async def answer(exchange: Exchange) -> HTMLResponse:
            sight = await self.sight(exchange)
            try:
                return HTMLResponse(await make(exchange, sight))
            except LoopBlocked as error:
                return self._failure(sight, 503, "The event loop is blocked", str(error))
            except Refused as error:
                return self._failure(sight, error.status, "That could not be done", str(error))
            except HTTPError as error:
                return self._failure(sight, error.status, "Not found", error.message or "")

        return answer

    async def sight(self, exchange: Exchange) -> Sight:
        """The application at this moment, for whoever asks."""
        outlook, desk = self._outlook, self._desk
        return Sight(
            snapshot=await desk.source.read_whole(),
            history=outlook.history,
            catalog=outlook.catalog(),
            now=outlook.clock.time(),
            failures=self._failures(),
            right=self._right(exchange),
        )

    async def overview(self, exchange: Exchange, sight: Sight) -> str:
        slowest = sorted(select(self._newest()), key=lambda each: -each.duration)[:_SLOWEST]
        sight = replace(await self._with_lanes(sight), slowest=tuple(slowest))
        return overview.render(sight, self.flow, _query(exchange, "namespace") or None)

    async def queues(self, exchange: Exchange, sight: Sight) -> str:
        return queues.render_all(sight, _query(exchange, "find"))

    async def queue(self, exchange: Exchange, sight: Sight) -> str:
        id = exchange.params["id"]
        found = next((each for each in sight.snapshot.queues if each.id == id), None)
        if found is None:
            raise HTTPError(404, f"there is no queue '{id}'")
        return queues.render_one(await self._with_lanes(sight), found)

    async def errors(self, exchange: Exchange, sight: Sight) -> str:
        found = self._desk.source.traces
        groups = found.errors.groups() if found is not None else ()
        return errors.render(sight, groups, _query(exchange, "find"))

    async def traces(self, exchange: Exchange, sight: Sight) -> str:
        only = _query(exchange, "only")
        found = select(self._newest(), failed=only == "failed", slow=only == "slow")
        return traces.render_all(sight, found, only, _query(exchange, "find"))

    async def trace(self, exchange: Exchange, sight: Sight) -> str:
        id, source = exchange.params["id"], self._desk.source
        found = source.traces.find(id) if source.traces is not None else ()
        if not found:
            raise HTTPError(404, f"no trace, request or message '{id}' is remembered here")
        return traces.render_one(sight, waterfall(found))

    async def services(self, exchange: Exchange, sight: Sight) -> str:
        return services.render_all(sight, _query(exchange, "find"))

    async def service(self, exchange: Exchange, sight: Sight) -> str:
        id = exchange.params["id"]
        found = next((each for each in sight.snapshot.services if each.id == id), None)
        if found is None:
            raise HTTPError(404, f"there is no service '{id}'")
        return services.render_one(sight, found)

    async def entries(self, exchange: Exchange, sight: Sight) -> str:
        return entries.render_all(sight, _query(exchange, "find"))

    async def entry(self, exchange: Exchange, sight: Sight) -> str:
        id = exchange.params["id"]
        found = sight.catalog.entries.get(id)
        if found is None:
            raise HTTPError(404, f"there is no entry '{id}'")
        return entries.render_one(sight, found)

    async def dead(self, exchange: Exchange, sight: Sight) -> str:
        found = await self._groups(_query(exchange, "queue"))
        chosen, letter = _chosen(found, _query(exchange, "cause"), _query(exchange, "id"))
        source: tuple[int, Sequence[str]] = (1, ())
        if letter is not None and letter.own is not None:
            source = excerpt(letter.own, self._outlook.folder)
        return dead_letters.render(sight, found, chosen, letter, source)

    async def payload(self, exchange: Exchange, sight: Sight) -> str:
        queue, id = exchange.params["queue"], exchange.params["id"]
        body = await self._desk.source.ask("dead.payload", queue=queue, id=id)
        text, size = str(body["text"]), int(body["size"])
        if size <= _LONGEST_PAYLOAD:
            text = _pretty(text)
        return dead_letters.render_payload(sight, queue, id, text, size)

    async def schedules(self, exchange: Exchange, sight: Sight) -> str:
        found = await self._desk.source.ask("schedules")
        return schedules.render(sight, msgspec.convert(found, list[ScheduleStatus]))

    async def graph(self, exchange: Exchange) -> Any:
        """The graph as JSON: nodes, and edges with their rates where those are known."""
        sight = await self.sight(exchange)
        whole = self.flow.graph(sight)
        rates = rates_of(whole, sight)
        edges = [
            {**to_builtins(each), "rate": rates.get((each.source, each.target))}
            for each in whole.edges
        ]
        return {"nodes": to_builtins([*whole.nodes.values()]), "edges": edges}

    async def letters(self, exchange: Exchange) -> Any:
        """Dead letters by cause as JSON, without their bodies."""
        found = await self._groups(_query(exchange, "queue"))
        return {"causes": [{"cause": each.cause, **to_builtins(each)} for each in found]}

    async def act(self, exchange: Exchange) -> Any:
        """Do what a form asks for, and return to its page."""
        form = await exchange.request.form()
        fields = {name: str(value) for name, value in form.items()}
        operation, back = fields.pop("operation", ""), fields.pop("back", "/")
        fields.pop("form_token", None)
        if operation == "dead.requeue" or operation == "dead.drop":
            fields = await self._letters_of(fields)
        try:
            result = await self._desk.source.ask(operation, **fields)
        except LoopBlocked as error:
            sight = await self.sight(exchange)
            return self._failure(sight, 503, "The event loop is blocked", str(error))
        except Refused as error:
            sight = await self.sight(exchange)
            return self._failure(sight, error.status, "That was not done", str(error))
        if operation == "reload" and result["findings"]:
            sight = await self.sight(exchange)
            text = refusal(result["findings"])
            return self._failure(sight, 409, "That was not done", text)
        return RedirectResponse(_local(back), 303)

    async def _with_lanes(self, sight: Sight) -> Sight:
        """The sight with the lanes of all consumers, unless the event loop keeps silent."""
        snapshot = sight.snapshot
        if snapshot.blocked is not None or snapshot.age > LATE:
            return sight
        with suppress(LoopBlocked, Refused):
            found = await self._desk.source.ask("lanes")
            return replace(sight, lanes=Lanes(msgspec.convert(found, dict[str, list[list[Bar]]])))
        return sight

    def _newest(self) -> Sequence[TraceRecord]:
        """The traces that are remembered."""
        found = self._desk.source.traces
        return () if found is None else found.newest()

    def _failures(self) -> int:
        found = self._desk.source.traces
        if found is None:
            return 0
        since = datetime.fromtimestamp(self._outlook.clock.time() - _RECENT, UTC)
        return len(found.errors.groups(f"{since:%Y-%m-%dT%H:%M:%S}"))

    async def _groups(self, queue: str) -> list[Group]:
        found = await self._desk.source.ask("dead.letters", queue=queue)
        return groups(msgspec.convert(found, list[Letter]))

    async def _letters_of(self, fields: dict[str, str]) -> dict[str, Any]:
        """The letters of a cause, for an action on all of them: those that were shown."""
        found = await self._groups(fields["queue"])
        chosen = next((each for each in found if each.key == fields.get("cause")), None)
        if chosen is None:
            raise HTTPError(404, "there is no letter of this cause any more")
        return {"queue": fields["queue"], "ids": [each.id for each in chosen.letters]}

    def _right(self, exchange: Exchange) -> Right:
        desk = self._desk
        if desk.may_act(exchange):
            token = desk.form_token(exchange)
            return Right(True, token=token, signed_in=bool(token))
        has_token = desk.rights is not None and desk.rights.has_token
        why = "sign in to act" if has_token else "set RUNTIME_TOKEN to act"
        return Right(False, why, can_sign_in=has_token)

    def _failure(self, sight: Sight, status: int, title: str, text: str) -> HTMLResponse:
        back = link("/", "Back to the overview")
        shown = panel(title, f"{empty(_sentence(text))}<p>{back}</p>")
        return HTMLResponse(frame("", title, sight, f'<div class="stack">{shown}</div>'), status)


def _chosen(found: Sequence[Group], cause: str, id: str) -> tuple[Group | None, Letter | None]:
    """The group and the letter that are asked for, or the newest ones."""
    for each in found:
        for letter in each.letters:
            if letter.id == id:
                return each, letter
    group = next((each for each in found if each.key == cause), found[0] if found else None)
    return group, group.letters[0] if group else None


def _query(exchange: Exchange, name: str) -> str:
    return exchange.request.query_params.get(name, "")[:200]


def _local(address: str) -> str:
    """An address of this site; not another site's, whatever a form says."""
    return address if address.startswith("/") and not address.startswith(("//", "/\\")) else "/"


def _pretty(text: str) -> str:
    try:
        return msgspec.json.format(text.encode(), indent=2).decode()
    except (msgspec.DecodeError, UnicodeError):
        return text


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
