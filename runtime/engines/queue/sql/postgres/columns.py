"""Columns: values as the rows of PostgreSQL keep them."""

from __future__ import annotations

from runtime.engines.queue.sql.columns import micros
from runtime.engines.sql.postgres.settings import quoted

NOW = "(SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)"
"""The server's clock in microseconds, read once in a statement."""

LONGEST_DELAY = 2**62
"""Microseconds: with the time of day, it fits into a bigint."""


def qualify(text: str, schema: str) -> bytes:
    """A statement with the name of a schema in the places of `$schema`.

    It is written out everywhere, since a `search_path` may be changed. As bytes, because psycopg
    takes those without another look.
    """
    return text.strip().replace("$schema", quoted(schema)).encode()


def delay_micros(delay: float) -> int:
    """The microseconds of a delay."""
    return min(micros(delay), LONGEST_DELAY) if delay > 0 else 0


def encode_key(key: str | None) -> str | None:
    """A unique key as a text of PostgreSQL, which has no NUL."""
    if key is None or ("\0" not in key and "\x1b" not in key):
        return key
    return key.replace("\x1b", "\x1b1").replace("\0", "\x1b0")


def decode_key(key: str | None) -> str | None:
    """The unique key of a text."""
    if key is None or "\x1b" not in key:
        return key
    return key.replace("\x1b0", "\0").replace("\x1b1", "\x1b")
