"""The table that tests of the query builder ask."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from tests.support.users import ROWS


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age, boss)")
    connection.executemany("INSERT INTO users VALUES (?, ?, ?, ?)", ROWS)
    yield connection
    connection.close()
