"""http.service: a server on one address."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence

import msgspec

from runtime.engines.web.address import Address, bind_shared, tls_context
from runtime.engines.web.dispatcher import Dispatcher
from runtime.engines.web.drain import Drain
from runtime.engines.web.routes import Routes
from runtime.engines.web.server import Server
from runtime.engines.web.timeouts import Timeouts
from runtime.findings.finding import Problem
from runtime.kind import BuildContext, Claim, Expected, Kind, Linked, Ready, Stage, StartError
from runtime.kinds.http import Part


class TlsConfig(msgspec.Struct, frozen=True, kw_only=True):
    cert: str
    key: str | None


class Config(msgspec.Struct, frozen=True, kw_only=True):
    addr: str
    timeouts: Timeouts
    max_body: int
    max_connections: int | None
    tls: TlsConfig | None


class HttpService:
    """Serves the routers and static folders that refer to it."""

    def __init__(self, config: Config, context: BuildContext) -> None:
        self._config = config
        self._context = context
        self._parts: Sequence[Part] = ()
        self._serving = False
        self._dispatcher = Dispatcher(
            max_body=config.max_body, telemetry=context.telemetry, clock=context.clock
        )

    def compose(self, parts: Sequence[Part]) -> None:
        """Replace the parts. A running server serves the new ones from the next request on."""
        self._parts = parts
        if self._serving:
            self._serve_parts()

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        self._serve_parts()
        self._serving = True
        drain = self._dispatcher.drain = Drain()
        drained = asyncio.create_task(drain.follow(stop, self._context.stop_timeout))
        try:
            await self._server().run(ready, stop)
        finally:
            drained.cancel()
            self._dispatcher.failures.close()
            self._serving = False

    def _serve_parts(self) -> None:
        try:
            routes = Routes(
                (route for part in self._parts for route in part.routes()),
                [part.group for part in self._parts if part.group is not None],
            )
        except ValueError as error:
            raise StartError(str(error)) from None
        self._dispatcher.serve(routes)

    def _server(self) -> Server:
        config = self._config
        try:
            address = Address.parse(config.addr)
        except ValueError as error:
            raise StartError(str(error)) from None
        tls = None
        if config.tls is not None:
            key = config.tls.key
            tls = tls_context(
                self._context.path(config.tls.cert), self._context.path(key) if key else None
            )
        sockets = self._context.scope.sockets.get(self._context.id, ())
        return Server(
            self._dispatcher,
            address,
            timeouts=config.timeouts,
            max_connections=config.max_connections,
            tls=tls,
            name=str(self._context.id),
            sockets=sockets,
        )


def check(entry: Linked) -> Iterable[Claim | Problem]:
    addr: str = entry.fields["addr"]
    try:
        address = Address.parse(addr)
    except ValueError:
        yield Problem(("addr",), f"'addr' is '{addr}', whose port is more than 65535")
        return
    if address.port:
        own, *wider = [f"address {each}" for each in address.ranges]
        yield Claim(None, f"address '{addr}'", ("addr",), key=own, within=tuple(wider))


def bind(entry: Linked, count: int) -> list[socket.socket]:
    return bind_shared(Address.parse(entry.fields["addr"]), count)


kind = Kind(
    "http.service",
    Config,
    HttpService,
    stage=Stage.SERVER,
    check=check,
    expected=Expected(
        ("http.router", "http.static"),
        "this server has no router and no files: it answers 404 only",
    ),
    compose=HttpService.compose,
    bind=bind,
)
