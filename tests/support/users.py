"""Users: a table for tests of the query builder."""

from __future__ import annotations

import sqlite3
from typing import Any

from runtime.engines.sql.builder import select

ROWS = [(1, "ann", 30, None), (2, "bob", 20, 1), (3, "cid", 40, 1), (4, "di'; --", 20, None)]


def ids(db: sqlite3.Connection, condition: Any, *values: Any) -> list[int]:
    """The ids of the users that meet a condition."""
    built = select("id").from_("users").where(condition, *values).order_by("id")
    return [row[0] for row in db.execute(*built.render())]
