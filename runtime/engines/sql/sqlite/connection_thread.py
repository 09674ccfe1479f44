"""Worker: a thread with a session of its own on the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

from runtime.engines.sql.sqlite.managed_connection import ManagedConnection


class ConnectionThread:
    """Opens a connection, serves, closes it; `opened` and `ended` tell the loop that made it.

    The thread is a daemon: whatever it is in the middle of, it does not hold the process open.
    """

    def __init__(
        self,
        name: str,
        opening: Callable[[], ManagedConnection],
        serve: Callable[[ManagedConnection], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._opening = opening
        self._serve = serve
        self._session: ManagedConnection | None = None
        self._thread = Thread(target=self._main, name=name, daemon=True)
        self.started = False

    async def start(self) -> ManagedConnection:
        """Return when the connection is open; raise what kept it from being opened."""
        self._thread.start()
        self.started = True
        await self.opened
        assert self._session is not None
        return self._session

    def interrupt(self) -> None:
        """Break off the statement that runs now, if one does."""
        if self._session is not None:
            self._session.interrupt()

    def _main(self) -> None:
        try:
            self._session = self._opening()
        except BaseException as error:
            self._tell(self.opened, error)
            self._tell(self.ended, None)
            return
        self._tell(self.opened, None)
        failure: BaseException | None = None
        try:
            self._serve(self._session)
        except BaseException as error:
            failure = error
        finally:
            self._session.close()
        self._tell(self.ended, failure)

    def _tell(self, future: asyncio.Future[None], error: BaseException | None) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(_settle, future, error)


def _settle(future: asyncio.Future[None], error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
