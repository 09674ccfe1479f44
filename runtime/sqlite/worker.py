"""Worker: a thread with a database connection of its own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from threading import Thread


class Worker:
    """Opens a connection, serves, closes it; `opened` and `ended` tell the loop that made it.

    The thread is a daemon: whatever it is in the middle of, it does not hold the process open.
    """

    def __init__(
        self,
        name: str,
        opening: Callable[[], sqlite3.Connection],
        serve: Callable[[sqlite3.Connection], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._opening = opening
        self._serve = serve
        self._connection: sqlite3.Connection | None = None
        self._thread = Thread(target=self._main, name=name, daemon=True)
        self.started = False

    async def start(self) -> None:
        """Return when the connection is open; raise what kept it from being opened."""
        self._thread.start()
        self.started = True
        await self.opened

    def interrupt(self) -> None:
        """Break off the statement that runs now, if one does."""
        if self._connection is not None:
            with suppress(sqlite3.ProgrammingError):  # closed meanwhile
                self._connection.interrupt()

    def _main(self) -> None:
        try:
            self._connection = self._opening()
        except BaseException as error:
            self._tell(self.opened, error)
            self._tell(self.ended, None)
            return
        self._tell(self.opened, None)
        failure: BaseException | None = None
        try:
            self._serve(self._connection)
        except BaseException as error:
            failure = error
        finally:
            with suppress(sqlite3.Error):
                self._connection.close()
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
