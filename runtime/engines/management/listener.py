"""Listener: the thread that serves management, and answers while the main loop cannot.

It has an event loop of its own. What it serves with is imported by the thread, after the start of
the application: that takes longer than the rest of it.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Collection
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runtime.engines.management.sockets import NoSocket, open_socket
from runtime.handlers.threads import call_threadsafe
from runtime.loggers import logger

if TYPE_CHECKING:
    from runtime.engines.management.door import Door
    from runtime.engines.management.source import Source

DEFAULT = "127.0.0.1:9464"
"""The port that Prometheus lists for OpenTelemetry's exporters."""
_MOST_CONNECTIONS = 64
_TRIES = 64
"""Ports after the default one that are tried."""
LONG_START = 1.0
"""Seconds after which an application that is not ready yet can be asked too."""
_END = 0.5
"""Seconds that the thread has to close its connections."""

log = logger("runtime.management")


class Settings(msgspec.Struct, frozen=True):
    """The addresses of management, and who may act."""

    folder: Path
    """The application's folder, by which commands find the socket."""
    opened: socket.socket | None = None
    """The address that was asked for, bound; None for the default, or a free port after it."""
    token: str | None = None
    """Whoever has it may act."""
    hosts: Collection[str] = ()
    """Further names by which the address may be called."""
    on_open: Callable[[str], None] | None = None
    """Called by the thread with the URL, once it is served."""


class Listener:
    """Serves management until `stop`. A fault of it is logged and ends nothing else."""

    def __init__(self, settings: Settings, make_source: Callable[[], Source]) -> None:
        """`make_source` is called by the thread."""
        self._settings = settings
        self._make_source = make_source
        self._thread = threading.Thread(target=self._run, name="management", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._stopped = threading.Event()
        self._path: Path | None = None
        self._is_started = False

    def start(self) -> None:
        """Begin; does nothing if that was done."""
        if not self._is_started:
            self._is_started = True
            self._thread.start()

    def stop(self) -> None:
        """Close its addresses. Waits for that, but not for long; may be called before `start`."""
        self._stopped.set()
        if self._loop is not None:
            call_threadsafe(self._loop, self._stopping.set)
        if self._thread.is_alive():
            self._thread.join(_END)
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _run(self) -> None:
        try:
            # Not uvloop: it takes no Unix socket that is open, and more memory.
            self._loop = asyncio.SelectorEventLoop()
            if not self._stopped.is_set():
                self._loop.run_until_complete(self._serve())
        except Exception:
            log.exception("management has ended; please report it")

    async def _serve(self) -> None:
        from runtime.engines.management.door import Door
        from runtime.engines.management.rights import Rights

        source = self._make_source()
        servers = []
        opened = self._settings.opened or _open_default()
        if opened is not None:
            host = opened.getsockname()[0]
            rights = Rights(
                self._settings.token,
                self._settings.hosts,
                is_loopback=ip_address(host).is_loopback,
            )
            servers.append(self._server(Door(source, rights), opened, host))
        try:
            local, self._path = open_socket(self._settings.folder)
        except NoSocket as error:
            log.warning("commands such as 'runtime status' cannot reach this program: %s", error)
        else:
            servers.append(self._server(Door(source, None), local, str(self._path)))
        watching = [asyncio.create_task(source.outlook.watch(source))]
        if source.traces is not None:
            watching.append(asyncio.create_task(source.traces.watch()))
        try:
            await asyncio.gather(*servers)
        finally:
            for task in watching:
                task.cancel()

    async def _server(self, door: Door, opened: socket.socket, host: str) -> None:
        from runtime.engines.web.address import Address
        from runtime.engines.web.server import Server
        from runtime.engines.web.timeouts import Timeouts

        timeouts = Timeouts(header=5.0, read=5.0, write=10.0, idle=60.0)
        server = Server(
            door,
            Address(host, 0),
            timeouts=timeouts,
            max_connections=_MOST_CONNECTIONS,
            name="management",
            sockets=[opened],
        )

        def ready(where: str = "") -> None:
            if where.startswith("http"):
                log.info("management: %s", where)
                if self._settings.on_open is not None:
                    self._settings.on_open(where)

        await server.run(ready, self._stopping)


def _open_default() -> socket.socket | None:
    """The default address, or the next free port; None if there is none."""
    from runtime.engines.web.address import Address, bind
    from runtime.service import StartError

    address = Address.parse(DEFAULT)
    for port in (*range(address.port, address.port + _TRIES), 0):
        try:
            opened = bind(Address(address.host, port))
            opened.listen(1)
        except (StartError, OSError) as error:
            fault = error
            continue
        if port != address.port:
            at = opened.getsockname()[1]
            log.warning("management: port %d is taken, so it is %d here", address.port, at)
        return opened
    log.warning("management has no port: %s", fault)
    return None
