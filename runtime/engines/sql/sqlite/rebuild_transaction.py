"""RebuildTransaction: a transaction in which foreign keys are not enforced."""

from __future__ import annotations

import sqlite3
from contextlib import suppress

from runtime.engines.sql.sqlite.managed_connection import ManagedConnection
from runtime.engines.sql.sqlite.writer_transaction import WriterTransaction


class RebuildTransaction(WriterTransaction):
    """For a table that is made anew under its old name: to drop the old one would delete, row by
    row, what refers to it. SQLite ignores the pragma inside of a transaction.
    """

    def serve(self, connection: ManagedConnection) -> None:
        (enforced,) = connection.raw.execute("PRAGMA foreign_keys").fetchone()
        connection.raw.execute("PRAGMA foreign_keys = OFF")
        try:
            super().serve(connection)
        finally:
            with suppress(sqlite3.Error):  # a connection that failed is opened again, as it was
                connection.raw.execute(f"PRAGMA foreign_keys = {enforced}")
