"""Requests: what is asked of the store, each one an item of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from runtime.engines.queue.message import Message


class Publish(msgspec.Struct, gc=False, frozen=True):
    """Put a message into a queue, unless it is full or has one of the same key."""

    queue: str
    message: Message
    due: float
    """Seconds since 1970 before which it may not be claimed; 0 for at once."""
    limit: int | None
    """How long the queue may get; None for a dead letter, which is never refused."""


class Claim(msgspec.Struct, gc=False, frozen=True):
    """Take up to `count` messages, counting their attempts.

    A suspect, which was in hand when a program died, is only given to who has nothing in hand
    (`alone`), and then it alone: whatever killed the program does not take others with it again.
    """

    queue: str
    owner: int
    count: int
    alone: bool


class Claimed(msgspec.Struct, frozen=True):
    """What a claim got. `suspect` says that the next one in line must be taken alone."""

    messages: Sequence[tuple[int, Message]]
    suspect: bool


class Ack(msgspec.Struct, gc=False, frozen=True):
    """Done."""

    seq: int
    token: int


class Retry(msgspec.Struct, gc=False, frozen=True):
    """Again at `due`."""

    seq: int
    token: int
    due: float


class Release(msgspec.Struct, gc=False, frozen=True):
    """Given back: ready where it was, the attempt not spent."""

    seq: int
    token: int


class Bury(msgspec.Struct, gc=False, frozen=True):
    """Dead: with these headers, in the queue `to` or, without one, where it is."""

    seq: int
    token: int
    headers: str
    to: str | None


Settle = Ack | Retry | Release | Bury
