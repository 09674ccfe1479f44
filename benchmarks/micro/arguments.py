"""Arguments: the cost of a typed handler over one that reads the same from its request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, Literal

import msgspec

from benchmarks.curve import Curve
from benchmarks.micro.dispatch import cost
from benchmarks.service import run
from runtime.engines.web.arguments import Arguments, caller
from runtime.engines.web.dispatcher import Dispatcher
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.route_path import parameter_names
from runtime.engines.web.routes import Handler, Route, Routes
from runtime.entry_id import EntryId
from runtime.handlers.arguments.origin import read
from runtime.handlers.context import ApplicationContext
from runtime.handlers.handler import Handler as LoadedHandler
from runtime.handlers.invocation import Invocation
from runtime.handlers.threads import ThreadPool

QUERY = b"status=pending&limit=20&tag=a"


class Task(msgspec.Struct, forbid_unknown_fields=True):
    action: Literal["uppercase", "sum", "noop"]
    data: dict[str, Any] = {}


async def typed_body(task: Task) -> dict[str, Any]:
    return {"status": "queued", "action": task.action}


async def untyped_body(request):  # type: ignore[no-untyped-def]
    body = await request.json()
    return {"status": "queued", "action": body["action"]}


async def typed_query(status: str, limit: int = 100, tag: list[str] = []) -> Any:  # noqa: B006
    return {"status": status, "limit": limit, "tag": tag}


async def untyped_query(request):  # type: ignore[no-untyped-def]
    query = request.query_params
    limit = int(query.get("limit", 100))
    return {"status": query["status"], "limit": limit, "tag": query.getlist("tag")}


def measure(quick: bool) -> Iterator[Curve]:
    requests, rounds = (4_000, 5) if quick else (20_000, 11)
    pairs: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
        "body of a POST": (typed_body, untyped_body),
        "three parameters of a query": (typed_query, untyped_query),
    }
    rows = []
    for name, functions in pairs.items():
        apps = [_dispatcher(function) for function in functions]
        costs: list[list[float]] = [[], []]
        for _ in range(rounds):
            for app, found in zip(apps, costs, strict=True):
                found.append(run(cost(app, "/tasks", requests, QUERY)))
        typed, untyped = map(median, costs)
        rows.append([name, typed, untyped, typed - untyped, typed / untyped])
    yield Curve(
        "arguments",
        "Typed arguments: CPU µs a request, without a server",
        ["decoded", "typed", "by the handler", "more", "ratio"],
        rows,
        {"body": rows[0][-1], "more": rows[0][-2]},
        "the handler reads them by `await request.json()` and `request.query_params`",
    )


def _dispatcher(function: Callable[..., Any]) -> Dispatcher:
    scope, id = ApplicationContext(), EntryId("app", "handler")
    loaded = LoadedHandler(function, ThreadPool(1).submit)
    invocation = Invocation(id, scope, loaded)
    by = caller("POST", "/tasks", parameter_names("/tasks"), "app", blocking=False)
    signature = read(function, by)

    def untyped(exchange: Exchange) -> Any:
        return invocation.call(exchange, exchange.request)

    handler: Handler = untyped
    if signature.typed:
        handler = Arguments(signature, by, scope).handler(invocation.call)
    dispatcher = Dispatcher(max_body=1 << 20)
    dispatcher.serve(Routes([Route(method="POST", path="/tasks", handler=handler)]))
    return dispatcher
