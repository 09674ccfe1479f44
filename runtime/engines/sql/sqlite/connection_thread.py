"""ConnectionThread: a thread with a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Thread

from runtime.engines.sql.sqlite.managed_connection import ManagedConnection
from runtime.handlers.threads import call_threadsafe


class ConnectionThread:
    """Opens a connection, serves requests, closes it.

    The futures `opened` and `ended` belong to the event loop that made it. The thread is a daemon:
    a statement that runs on does not keep the process alive.
    """

    def __init__(
        self,
        name: str,
        open_connection: Callable[[], ManagedConnection],
        serve: Callable[[ManagedConnection], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._open_connection = open_connection
        self._serve = serve
        self._connection: ManagedConnection | None = None
        self._thread = Thread(target=self._main, name=name, daemon=True)
        self.started = False

    async def start(self) -> ManagedConnection:
        """Return once the connection is open. Raises the error that prevented it."""
        self._thread.start()
        self.started = True
        await self.opened
        assert self._connection is not None
        return self._connection

    @property
    def rejecting(self) -> str | None:
        """Why its connection rejected a write in the last minute."""
        return None if self._connection is None else self._connection.rejecting

    def interrupt(self) -> None:
        """Interrupt the running statement, if there is one."""
        if self._connection is not None:
            self._connection.interrupt()

    def _main(self) -> None:
        try:
            self._connection = self._open_connection()
        except BaseException as error:
            call_threadsafe(self._loop, _settle, self.opened, error)
            call_threadsafe(self._loop, _settle, self.ended, None)
            return
        call_threadsafe(self._loop, _settle, self.opened, None)
        failure: BaseException | None = None
        try:
            self._serve(self._connection)
        except BaseException as error:
            failure = error
        finally:
            self._connection.close()
        call_threadsafe(self._loop, _settle, self.ended, failure)


def _settle(future: asyncio.Future[None], error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
