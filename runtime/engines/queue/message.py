"""Message: the unit that travels through a queue."""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import msgspec

PRIORITIES = range(-9, 10)
WHILE = ("waiting", "unfinished")
"""The values of `unique_while`."""
LONGEST_KEY = 255
"""Characters of a unique key."""

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Message(msgspec.Struct, gc=False, eq=False):
    """One message, or one delivery of it: a redelivery is a new object.

    `gc=False` keeps a million of them out of the collector's way. It is safe because a message
    holds strings, bytes and numbers only: `headers` is a plain dict of `str` to `str`.
    """

    id: str
    body: bytes
    """One JSON document."""
    headers: Mapping[str, str] = NO_HEADERS
    attempt: int = 0
    """The number of deliveries so far; counted on delivery, so that a crash counts."""
    published: float = 0.0
    """Seconds since 1970."""
    token: int = 0
    """For the driver: proves that this delivery is the latest one."""
    priority: int = 0
    """Higher first, one of `PRIORITIES`."""
    unique: str | None = None
    """While a message of this key waits, its queue accepts no other."""
    died_in: str | None = None
    """Of a dead letter in a dead letter queue: the id of the queue where it died."""


def redelivery(message: Message, attempt: int) -> Message:
    """The same message for its next delivery."""
    return Message(
        message.id,
        message.body,
        message.headers,
        attempt,
        message.published,
        0,
        message.priority,
        message.unique,
        message.died_in,
    )


def check_priority(priority: int) -> int:
    """The priority, if it is valid. Raises TypeError or ValueError."""
    if isinstance(priority, bool) or not isinstance(priority, int):
        raise TypeError(f"'priority' is of type {type(priority).__name__}, not an integer")
    if priority not in PRIORITIES:
        raise ValueError(
            f"'priority' is {priority}, not one of {PRIORITIES[0]} to {PRIORITIES[-1]}; "
            "higher goes first"
        )
    return priority


def check_unique(unique: str) -> str:
    """The unique key, if it is valid. Raises TypeError or ValueError."""
    if not isinstance(unique, str):
        raise TypeError(f"'unique' is of type {type(unique).__name__}, not str")
    if not 0 < len(unique) <= LONGEST_KEY:
        raise ValueError(f"'unique' has {len(unique):,} characters, not 1 to {LONGEST_KEY}")
    _check_encodable("'unique'", unique)
    return unique


def counts_running(unique: str | None, unique_while: str) -> bool:
    """True if the key counts while its message is running too. Raises ValueError."""
    if unique_while not in WHILE:
        raise ValueError(f"'unique_while' is {unique_while!r}, not 'waiting' or 'unfinished'")
    if unique is None:
        raise ValueError("'unique_while' says how long a key counts; give the key as 'unique'")
    return unique_while == "unfinished"


def copy_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """A copy of valid headers. Raises TypeError or ValueError, naming the header at fault."""
    if not isinstance(headers, Mapping):
        raise TypeError(f"headers are of type {type(headers).__name__}, not a dict")
    for name, value in headers.items():
        if type(name) is not str:
            raise TypeError(f"header {name!r} is of type {type(name).__name__}, not str")
        if type(value) is not str:
            raise TypeError(f"header '{name}' is of type {type(value).__name__}, not str")
        if not (name.isascii() and value.isascii()):
            _check_encodable(f"header {name!r}", name, value)
    return dict(headers)


def _check_encodable(what: str, *texts: str) -> None:
    try:
        for text in texts:
            text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{what} has a lone surrogate") from None


def _id_sequence(prefix: str) -> Iterator[str]:
    """The prefix and a count of twelve digits, in blocks of 256, since `format` is slow."""
    tails = [f"{number:02x}" for number in range(256)]
    blocks = (map(f"{prefix}{block:010x}".__add__, tails) for block in itertools.count())
    return itertools.chain.from_iterable(blocks)


def _reset_ids() -> None:
    # 74 random bits a process, then a count. A forked child must not continue its parent's.
    global _ids
    _ids = _id_sequence(str(uuid.uuid4())[:24])


def next_id() -> str:
    """A unique id in the form of a UUID, for a tenth of the cost of one."""
    return next(_ids)


_ids: Iterator[str]
_reset_ids()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_ids)
