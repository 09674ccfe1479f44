"""Operating: the operations of the application over HTTP, for the command line and other tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runtime.codec import decode
from runtime.engines.management.table import Desk, post
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.routes import Handler, Route
from runtime.findings.suggestion import did_you_mean

_ACTIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "queues": {
        "pause": ("queue.pause", "id"),
        "resume": ("queue.resume", "id"),
        "publish": ("queue.publish", "queue"),
        "purge": ("queue.purge", "queue"),
    },
    "dead": {"requeue": ("dead.requeue", "queue"), "drop": ("dead.drop", "queue")},
    "services": {"restart": ("service.restart", "id")},
    "cron": {"fire": ("schedule.fire", "id")},
}
"""The operations of `POST /api/queues/ID:pause`, and the argument that takes the id."""


def routes(desk: Desk) -> Iterable[Route]:
    """`POST /api/operations/NAME`, and an address for each action on an entry: both take arguments
    as a JSON object, and answer `{"result": …}`.
    """

    async def operate(exchange: Exchange) -> Any:
        arguments = await _arguments(exchange)
        return {"result": await desk.source.ask(exchange.params["name"], **arguments)}

    def acting_on(part: str) -> Handler:
        async def act(exchange: Exchange) -> Any:
            id, _, action = exchange.params["call"].rpartition(":")
            known = _ACTIONS[part]
            if action not in known or not id:
                hint = did_you_mean(action, known) or f"there is ID:{', ID:'.join(known)}"
                raise HTTPError(404, f"there is no action '{exchange.params['call']}'; {hint}")
            operation, name = known[action]
            arguments = {**await _arguments(exchange), name: id}
            return {"result": await desk.source.ask(operation, **arguments)}

        return act

    yield post(desk, "/api/operations/{name}", operate)
    for part in _ACTIONS:
        yield post(desk, f"/api/{part}/{{call}}", acting_on(part))


async def _arguments(exchange: Exchange) -> dict[str, Any]:
    """The arguments of a request. Raises HTTPError."""
    data = await exchange.request.body()
    try:
        arguments = decode(data) if data else {}
    except ValueError as error:
        raise HTTPError(400, f"the body is not JSON: {error}") from None
    if not isinstance(arguments, dict):
        raise HTTPError(400, "the body is no object of arguments")
    return arguments
