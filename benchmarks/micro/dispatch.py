"""Dispatch: the cost of a request in the dispatcher, by the number of routes."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from time import process_time
from typing import Any

import msgspec

from benchmarks.curve import Curve
from benchmarks.service import run
from runtime.engines.web.dispatcher import Dispatcher
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Group, Route, Routes
from runtime.engines.web.traffic import Traffic

SIZES = (2, 100, 1_000)
BODY = b'{"action": "uppercase", "data": {"text": "the quick brown fox jumps"}}'
MESSAGE = {"type": "http.request", "body": BODY, "more_body": False}
HEADERS = [
    (b"host", b"127.0.0.1:8080"),
    (b"content-type", b"application/json"),
    (b"content-length", str(len(BODY)).encode()),
]
START = {"type": "http.response.start", "status": 202, "headers": HEADERS}

decode, encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode


def measure(quick: bool) -> Iterator[Curve]:
    requests, rounds = (2_000, 3) if quick else (10_000, 7)
    apps = {size: dispatcher(size) for size in SIZES}
    fixed: dict[int, list[float]] = {size: [] for size in SIZES}
    found: dict[int, list[float]] = {size: [] for size in SIZES}
    floor = []
    for _ in range(rounds):
        floor.append(run(cost(_bare, "/tasks", requests)))
        for size, app in apps.items():
            fixed[size].append(run(cost(app, "/tasks", requests)))
            found[size].append(run(cost(app, f"/other/{size - 2}/7", requests)))
    least = median(floor)
    rows = [
        [size, median(fixed[size]), median(found[size]), median(fixed[size]) - least]
        for size in SIZES
    ]
    growth = median(fixed[SIZES[-1]]) / median(fixed[SIZES[0]])
    yield Curve(
        "dispatch",
        "Dispatcher: CPU µs a request that is parsed and answered, without a server",
        ["routes", "fixed path", "with a parameter", "over a bare application"],
        rows,
        {"growth": growth},
        f"a bare ASGI application: {least:.2f} µs",
    )


def dispatcher(routes: int, traffic: Traffic | None = None) -> Dispatcher:
    """One with so many routes, whose requests are counted by `traffic`."""
    group = Group()

    async def create(exchange: Exchange) -> Any:
        body = await exchange.request.json()
        exchange.response.set_status(202)
        return {"status": "queued", "action": body["action"]}

    def route(path: str) -> Route:
        return Route(method="POST", path=path, handler=create, group=group)

    others = [route(f"/other/{n}/{{id}}") for n in range(routes - 1)]
    made = Dispatcher(max_body=1 << 20, traffic=traffic)
    made.serve(Routes([*others, route("/tasks")], [group]))
    return made


async def _bare(scope: Any, receive: Any, send: Any) -> None:
    body = decode((await receive())["body"])
    await send(START)
    answer = encode({"status": "queued", "action": body["action"]})
    await send({"type": "http.response.body", "body": answer})


async def cost(app: Any, path: str, requests: int, query: bytes = b"") -> float:
    """Microseconds of processor a request. Raises RuntimeError if it is refused."""
    answers: list[int] = []

    async def receive() -> dict[str, Any]:
        return MESSAGE

    async def note(message: dict[str, Any]) -> None:
        answers.append(message.get("status", 200))

    async def send(message: dict[str, Any]) -> None:
        pass

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": HEADERS,
    }
    await app(dict(scope), receive, note)
    if max(answers, default=500) >= 400:
        raise RuntimeError(f"POST {path} is answered {max(answers, default=0)}")
    began = process_time()
    for _ in range(requests):
        await app(dict(scope), receive, send)
    return (process_time() - began) / requests * 1e6
