"""http.service: a server on one address."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from runtime.engines.web.address import Address, bind_shared, listen, tls_context
from runtime.engines.web.dispatcher import Dispatcher
from runtime.engines.web.drain import Drain
from runtime.engines.web.lifespan import Lifespan, Lifespans
from runtime.engines.web.openapi.settings import Info, Settings
from runtime.engines.web.route_path import shape
from runtime.engines.web.routes import Routes
from runtime.engines.web.server import Load, Server
from runtime.engines.web.timeouts import Timeouts
from runtime.engines.web.traffic import Traffic
from runtime.findings.finding import Problem
from runtime.findings.remark import Remark, State
from runtime.kind import BuildContext, Claim, Expected, Kind, Linked, Ready, Stage, StartError
from runtime.kinds.http import Part
from runtime.units import format_duration


class TlsConfig(msgspec.Struct, frozen=True, kw_only=True):
    cert: str
    key: str | None


class OpenapiConfig(msgspec.Struct, frozen=True, kw_only=True):
    title: str | None
    version: str
    path: str
    docs: str | bool
    servers: list[str]


class Config(msgspec.Struct, frozen=True, kw_only=True):
    addr: str
    timeouts: Timeouts
    drain_delay: float
    max_body: int
    max_connections: int | None
    tls: TlsConfig | None
    openapi: OpenapiConfig | bool


class HttpService:
    """Serves the routers, static folders and applications that refer to it."""

    def __init__(self, config: Config, context: BuildContext) -> None:
        self._config = config
        self._context = context
        self._parts: Sequence[Part] = ()
        self._settings = _settings(config.openapi, context)
        self._serving = False
        self._lifespans = Lifespans()
        self._dispatcher = Dispatcher(
            max_body=config.max_body,
            telemetry=context.telemetry,
            clock=context.clock,
            traffic=_traffic(context),
        )
        self._server: Server | None = None

    def compose(self, parts: Sequence[Part]) -> None:
        """Replace the parts. A running server serves the new ones from the next request on."""
        self._parts = parts
        if self._serving:
            self._lifespans.change(self._serve_parts())

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        lifespans = self._serve_parts()
        self._serving = True
        drain = self._dispatcher.drain = Drain()
        delay, draining = self._config.drain_delay, asyncio.Event()
        delayed = asyncio.create_task(_set_after(stop, delay, draining))

        def left() -> float:
            return self._context.stop_timeout - delay

        drained = asyncio.create_task(drain.follow(draining, left))
        try:
            await self._lifespans.start(lifespans, stop)
            if not stop.is_set():
                self._server = self._make_server()
                await self._server.run(ready, draining)
        finally:
            await self._lifespans.stop()
            delayed.cancel()
            drained.cancel()
            self._dispatcher.failures.close()
            self._serving = False
            self._server = None

    def revised(self, config: Config, context: BuildContext) -> Callable[[], None]:
        """Prepare for another config of the same address; what is returned goes on with it. Raises
        StartError.
        """
        settings = _settings(config.openapi, context)
        tls = _tls(config, context)

        def go_on() -> None:
            self._config, self._context, self._settings = config, context, settings
            self._dispatcher.max_body = config.max_body
            if self._server is not None:
                self._server.revise(config.timeouts, config.max_connections, tls)

        return go_on

    @property
    def port(self) -> int:
        """The port of its address; 0 for any free one."""
        return Address.parse(self._config.addr).port

    def _serve_parts(self) -> list[Lifespan]:
        """Serve the routes of all parts, and return the lifespans of their applications."""
        listed = [route for part in self._parts for route in part.routes()]
        if self._settings is not None:
            from runtime.engines.web.openapi.publication import Publication  # few servers have it

            publication = Publication(listed, self._settings, self._context.folder)
            listed += publication.routes(str(self._context.id))
        try:
            groups = [part.group for part in self._parts if part.group is not None]
            routes = Routes(listed, groups)
        except ValueError as error:
            raise StartError(str(error)) from None
        self._dispatcher.serve(routes)
        found = [route.lifespan for route in listed if route.lifespan is not None]
        return [*dict.fromkeys(found)]

    def document(self) -> dict[str, Any]:
        """The OpenAPI document of its endpoints. Raises RuntimeError without `openapi`.

        Folders of files are not looked at.
        """
        if self._settings is None:
            raise RuntimeError(f"'{self._context.id}' has no 'openapi'")
        from runtime.engines.web.openapi.document import describe

        routes = (route for part in self._parts if part.group for route in part.routes())
        return describe(routes, self._settings.info, self._context.folder)

    @property
    def traffic(self) -> Traffic | None:
        """Counts its requests, if they are counted."""
        return self._dispatcher.traffic

    @property
    def load(self) -> Load:
        """The connections, requests and streams that there are at this moment."""
        load = Load() if self._server is None else self._server.load
        return load._replace(streams=self._dispatcher.drain.open)

    def _make_server(self) -> Server:
        config = self._config
        try:
            address = Address.parse(config.addr)
        except ValueError as error:
            raise StartError(str(error)) from None
        sockets = self._context.scope.sockets.get(self._context.id, ())
        return Server(
            self._dispatcher,
            address,
            timeouts=config.timeouts,
            max_connections=config.max_connections,
            tls=_tls(config, self._context),
            name=str(self._context.id),
            sockets=sockets,
            has_websockets=lambda: self._dispatcher.has_websockets,
        )


def _traffic(context: BuildContext) -> Traffic | None:
    access, counts = context.scope.access_log, context.scope.counts
    return Traffic(access, counts=counts) if counts or access else None


async def _set_after(stop: asyncio.Event, delay: float, draining: asyncio.Event) -> None:
    """At the stop, give those who still send clients the time to notice it."""
    await stop.wait()
    if delay:
        await asyncio.sleep(delay)
    draining.set()


def _tls(config: Config, context: BuildContext) -> ssl.SSLContext | None:
    """The certificates. Raises StartError."""
    if config.tls is None:
        return None
    key = config.tls.key
    return tls_context(context.path(config.tls.cert), context.path(key) if key else None)


def _settings(config: OpenapiConfig | bool, context: BuildContext) -> Settings | None:
    if not isinstance(config, OpenapiConfig):
        return None
    folder = context.folder.resolve()
    title = config.title or (folder.parent if folder.name == "src" else folder).name
    return Settings(
        info=Info(title=title, version=config.version, servers=config.servers),
        path=config.path,
        docs=config.docs if isinstance(config.docs, str) else None,
    )


def revise(
    service: HttpService, before: Config, config: Config, context: BuildContext
) -> Callable[[], None] | None:
    """Its address stays, and so do its connections: limits and certificates are those of clients to
    come.
    """
    if config.addr != before.addr or (config.tls is None) != (before.tls is None):
        return None
    return service.revised(config, context)


def coexists(service: HttpService, before: HttpService) -> bool:
    """True if it can listen while the one before still does."""
    return not service.port or service.port != before.port


def reads(entry: Linked, folder: Path) -> Iterable[Path]:
    tls = entry.fields["tls"]
    if tls is not None:
        yield from (folder / file for file in (tls["cert"], tls.get("key")) if file is not None)


def check(entry: Linked) -> Iterable[Claim | Problem]:
    yield from _check_openapi(entry)
    delay, limit = entry.fields["drain_delay"], entry.fields["lifecycle"]["stop_timeout"]
    if delay and delay >= limit:
        message = f"'drain_delay' leaves nothing of the {format_duration(limit)} of 'stop_timeout'"
        yield Problem(("drain_delay",), message, "write a longer 'lifecycle.stop_timeout'")
    addr: str = entry.fields["addr"]
    try:
        address = Address.parse(addr)
    except ValueError:
        yield Problem(("addr",), f"'addr' is '{addr}', whose port is more than 65535")
        return
    if address.port:
        own, *wider = [f"address {each}" for each in address.ranges]
        yield Claim(None, f"address '{addr}'", ("addr",), key=own, within=tuple(wider))


def _check_openapi(entry: Linked) -> Iterable[Claim | Problem]:
    openapi = entry.fields["openapi"]
    if not openapi:
        return
    if openapi["docs"] is True:
        yield Problem(("openapi", "docs"), "'docs' is true", "write a path, or leave it out")
        return
    if openapi["docs"] == openapi["path"]:
        message = f"'path' and 'docs' are both {openapi['path']}"
        yield Problem(("openapi", "docs"), message, "give the page another path")
        return
    for field in ("path", "docs"):
        if path := openapi[field]:
            yield Claim(entry.id, f"GET {path}", ("openapi", field), key=f"GET {shape(path)}")


def bind(entry: Linked, count: int) -> list[socket.socket]:
    return bind_shared(Address.parse(entry.fields["addr"]), count)


def examine(entry: Linked, folder: Path) -> Iterable[Remark]:
    address = Address.parse(entry.fields["addr"])
    try:
        listen(address).close()
    except StartError as error:
        yield Remark(State.FAILURE, str(error))
    else:
        yield Remark(State.OK, f"'{address}' can be listened on")


kind = Kind(
    "http.service",
    Config,
    HttpService,
    stage=Stage.SERVER,
    check=check,
    expected=Expected(
        ("http.router", "http.static", "http.mount"),
        "this server has no router and no files: it answers 404 only",
    ),
    compose=HttpService.compose,
    examine=examine,
    bind=bind,
    revise=revise,
    coexists=coexists,
    reads=reads,
)
