"""Operating: the operations of the application over HTTP, for the command line and other tools."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runtime.codec import decode
from runtime.engines.management.table import Desk, post
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.routes import Route


def routes(desk: Desk) -> Iterable[Route]:
    """`POST /api/operations/NAME` takes the arguments as a JSON object, answers `{"result": …}`."""

    async def operate(exchange: Exchange) -> Any:
        data = await exchange.request.body()
        try:
            arguments = decode(data) if data else {}
        except ValueError as error:
            raise HTTPError(400, f"the body is not JSON: {error}") from None
        if not isinstance(arguments, dict):
            raise HTTPError(400, "the body is no object of arguments")
        operation = exchange.params["name"]
        return {"result": await desk.source.ask(operation, **arguments)}

    yield post(desk, "/api/operations/{name}", operate)
