"""http.task_status: what has become of a message, for the client that was answered 202."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import Any

import msgspec
from starlette.responses import Response

from runtime import codec
from runtime.engines.queue.changes import Watch, changes
from runtime.engines.queue.status import FINAL, Status, UnknownMessage
from runtime.engines.web.arguments import caller
from runtime.engines.web.event import Event
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.guard import bound, guarded
from runtime.engines.web.negotiation import header_values, weights
from runtime.engines.web.operation import Operation
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.route_path import normal_prefix, parameter_names, shape
from runtime.engines.web.routes import Route
from runtime.engines.web.streaming import FORMATS, Streaming
from runtime.findings.finding import Note, Problem
from runtime.handlers.arguments.origin import read
from runtime.kind import BuildContext, Claim, Kind, Linked
from runtime.kinds.http import Guard, Router
from runtime.kinds.queue import Queue

_STREAM = FORMATS["sse"].media_type
_UNKNOWN = "no task has this id, or it has ended and was forgotten"
_HEADERS = {"cache-control": "no-store"}


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    router: Router


class Config(msgspec.Struct, frozen=True, kw_only=True):
    meta: Meta
    path: str
    queue: Queue
    events: bool
    guards: list[Guard]


async def status() -> Status:
    """The status of a task.

    `queued`, `running`, `retrying`, `done`, `dead` or `cancelled`, with its progress, its result or
    its error. With `Accept: text/event-stream`, an event `status` for each change until it has
    ended.
    """
    raise NotImplementedError  # what a description of the server reads


class TaskStatus:
    """Answers with the status of one message of a queue."""

    def __init__(self, queue: Queue, parameter: str, context: BuildContext, events: bool) -> None:
        self._queue = queue
        self._parameter = parameter
        self._events = events
        self._watches: dict[str, Watch] = {}
        self._streaming = Streaming(
            self._changes, FORMATS["sse"], context.clock, has_timeout=False, reads_body=False
        )

    async def answer(self, exchange: Exchange) -> Response:
        """Raises HTTPError, 404, for an id that the queue does not know."""
        headers = exchange.scope["headers"]
        if self._events and _wants_stream(weights(header_values(headers, b"accept"))):
            if exchange.headers.get(b"last-event-id", b"").decode("latin-1") in FINAL:
                return Response(status_code=204)  # a browser that came back for more
            return await self._streaming.call(exchange)
        try:
            found = await self._queue.status(exchange.params[self._parameter])
        except UnknownMessage:
            raise HTTPError(404, _UNKNOWN) from None
        data = codec.encode_response(found)
        return Response(data, media_type="application/json", headers=_HEADERS)

    async def _changes(self, exchange: Exchange) -> AsyncGenerator[Any]:
        try:
            id = exchange.params[self._parameter]
            async for each in changes(self._queue, id, self._watches):
                end = each.status if each.status in FINAL else None
                yield Event(data=each, event="status", id=end)
        except UnknownMessage:
            raise HTTPError(404, _UNKNOWN) from None


def _wants_stream(accepted: Any) -> bool:
    return bool(accepted.get(_STREAM, 0) > 0)


def build(config: Config, context: BuildContext) -> Route:
    router = config.meta.router
    path = router.group.prefix + config.path
    (parameter,) = parameter_names(config.path)
    guards = bound((*router.guards, *config.guards), "GET", path)
    handler = TaskStatus(config.queue, parameter, context, config.events).answer
    by = caller("GET", path, parameter_names(path), context.id.namespace, blocking=False)
    return Route(
        method="GET",
        path=path,
        handler=guarded(handler, guards),
        group=router.group,
        name=str(context.id),
        signature=read(status, by),
        guards=guards,
        operation=Operation(
            entry=context.id,
            function=status,
            tags=(router.group.name.rpartition(":")[2],),
        ),
    )


def check(entry: Linked) -> Iterable[Claim | Problem]:
    router, queue = entry.follow("meta", "router"), entry.follow("queue")
    prefix = normal_prefix(router.fields["prefix"]) if router else ""
    path = prefix + entry.fields["path"]
    if len(parameter_names(entry.fields["path"])) != 1:
        message = "the path needs one parameter, for the id of the message"
        yield Problem(("path",), message, "such as /tasks/{id}")
    server = router.follow("meta", "server") if router else None
    if server:
        yield Claim(server.id, f"GET {path}", ("path",), key=f"GET {shape(path)}")
    if queue and (driver := queue.follow("driver")):
        yield from _check_driver(queue, driver)


def _check_driver(queue: Linked, driver: Linked) -> Iterable[Problem]:
    if why := driver.kind.unsupported.get("tasks"):
        message = f"'{queue.id}' cannot tell what became of a message: {why}"
        yield Problem(("queue",), message, f"make '{driver.id}' a queue.driver.sql")
    elif not _retention(queue, driver):
        message = f"'{queue.id}' forgets a message that is done: clients see 404 then"
        yield Note(("queue",), message, "write 'retention: 1h' there")


def _retention(queue: Linked, driver: Linked) -> float | None:
    own: float | None = queue.fields.get("retention")
    return driver.fields.get("retention") if own is None else own


kind = Kind("http.task_status", Config, build, check=check)
