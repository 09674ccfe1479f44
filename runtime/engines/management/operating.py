"""Operating: the operations of the application over HTTP, for the command line and other tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from runtime import codec
from runtime.codec import decode
from runtime.engines.management.source import Source
from runtime.engines.management.table import Desk, post
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.routes import Handler, Route
from runtime.findings.suggestion import did_you_mean

if TYPE_CHECKING:
    from runtime.engines.management.requeueing import Requeueing

STOP = "dead.stop"
"""No operation of the application: management itself goes through the letters."""
_ACTIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "queues": {
        "pause": ("queue.pause", "id"),
        "resume": ("queue.resume", "id"),
        "publish": ("queue.publish", "queue"),
        "purge": ("queue.purge", "queue"),
    },
    "dead": {
        "requeue": ("dead.requeue", "queue"),
        "drop": ("dead.drop", "queue"),
        "stop": (STOP, "queue"),
    },
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
            if operation == "dead.requeue" and "cause" in arguments:
                return _accepted(await _requeue(desk.source, arguments))
            if operation == STOP:
                desk.source.outlook.requeues.stop(id)
                return {"result": None}
            return {"result": await desk.source.ask(operation, **arguments)}

        return act

    yield post(desk, "/api/operations/{name}", operate)
    for part in _ACTIONS:
        yield post(desk, f"/api/{part}/{{call}}", acting_on(part))


async def _requeue(source: Source, arguments: Mapping[str, Any]) -> Requeueing:
    """Begin to requeue the letters of a cause. Raises HTTPError for arguments that are none."""
    if unknown := arguments.keys() - {"queue", "cause", "rate"}:
        raise HTTPError(400, f"with 'cause' there is only 'rate', not '{min(unknown)}'")
    cause, rate = arguments["cause"], arguments.get("rate", "")
    if not isinstance(cause, str) or not isinstance(rate, str):
        raise HTTPError(400, "'cause' and 'rate' are texts")
    return await source.outlook.requeues.start(source, arguments["queue"], cause, rate)


def _accepted(value: Requeueing) -> Response:
    data = codec.encode_response({"result": value})
    return Response(data, status_code=202, media_type="application/json")


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
