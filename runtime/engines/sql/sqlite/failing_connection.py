"""FailingConnection: a connection whose statements fail like those of a bad disk, for tests.

Opened in place of a plain one only if a test armed `sqlite.execute`, see `runtime.failpoint`.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from runtime import failpoint

POINT = "sqlite.execute"

_TEXTS = {
    "SQLITE_IOERR": "disk I/O error",
    "SQLITE_FULL": "database or disk is full",
    "SQLITE_BUSY": "database is locked",
}
_UNDOING = ("SQLITE_IOERR", "SQLITE_FULL")
"""After these SQLite itself has often rolled back."""


class FailingConnection(sqlite3.Connection):
    """Each statement passes the failpoint, but for ROLLBACK, which needs no disk and no lock."""

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self._pass(arguments[0])
        return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        self._pass(arguments[0])
        return super().executemany(*arguments)

    def _pass(self, text: str) -> None:
        if text.startswith("ROLLBACK"):
            return
        try:
            failpoint.point(POINT)
        except failpoint.Injected as injected:
            name = str(injected)
            if name in _UNDOING and self.in_transaction:
                super().execute("ROLLBACK")
            error = sqlite3.OperationalError(_TEXTS[name])
            error.sqlite_errorname = name
            error.sqlite_errorcode = getattr(sqlite3, name)
            raise error from None
