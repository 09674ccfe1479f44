"""Operations: the requests to the store, and its answers. Times are delays, in seconds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from runtime.engines.queue.limits import Limits
from runtime.engines.queue.message import Message


class Publish(msgspec.Struct, gc=False, frozen=True):
    """Insert a message into a queue, unless that is full or has one of the same key."""

    queue: str
    message: Message
    delay: float
    """Seconds before which it may not be claimed; 0 for at once."""
    limit: int | None
    """The queue's `max_length`; None for a dead letter, which is never refused."""
    counts_running: bool = False
    """True if a running message has its key too, not only one that waits."""


class PublishMany(msgspec.Struct, frozen=True):
    """Insert messages without unique keys, all or none of them."""

    queue: str
    messages: Sequence[Message]
    delay: float
    limit: int

    def part(self, start: int, end: int) -> list[Publish]:
        """Some of them by themselves: their limit was looked at."""
        return [
            Publish(self.queue, message, self.delay, None) for message in self.messages[start:end]
        ]


class Claim(msgspec.Struct, gc=False, frozen=True):
    """Claim up to `count` messages, counting their attempts.

    A suspect is a message that was in flight when a program died. It is only given to a consumer
    that holds nothing else (`alone`), and then without others: a message that kills its program
    does not take others with it again.
    """

    queue: str
    owner: int
    count: int
    alone: bool
    limits: Limits | None = None
    """For `claim_limited`."""


class Claimed(msgspec.Struct, frozen=True):
    """The result of a claim. With `suspect`, the next message must be claimed alone."""

    messages: Sequence[tuple[int, Message]]
    suspect: bool
    wait: float | None = None
    """Seconds after which another claim may give more, since it was cut short by limits: by the
    rate, or with 0 because it had to look at many messages. None if nothing is known of others.
    """


class Ack(msgspec.Struct, gc=False, frozen=True):
    """Delete the message."""

    seq: int
    token: int


class Done(msgspec.Struct, gc=False, frozen=True):
    """Keep the message as finished for `keep` seconds, with what its handler returned."""

    seq: int
    token: int
    keep: float
    result: bytes | None
    """One JSON document."""
    progress: str | None = None
    """The latest progress, if it was not noted for certain."""


class Cancel(msgspec.Struct, gc=False, frozen=True):
    """Keep the message as cancelled for `keep` seconds."""

    seq: int
    token: int
    keep: float
    progress: str | None = None


class Retry(msgspec.Struct, gc=False, frozen=True):
    """Redeliver the message after `delay` seconds; behind the others at once if that is 0. One that
    is to be cancelled is cancelled instead.
    """

    seq: int
    token: int
    delay: float
    error: str | None = None
    """The reason why the attempt failed."""


class Release(msgspec.Struct, gc=False, frozen=True):
    """Give the message back: ready at its old place, without spending an attempt. One that is to be
    cancelled is cancelled instead.
    """

    seq: int
    token: int


class Bury(msgspec.Struct, gc=False, frozen=True):
    """Make the message a dead letter with these headers, in the queue `to` or in its own."""

    seq: int
    token: int
    headers: Mapping[str, str]
    to: str | None
    died_in: str | None
    progress: str | None = None


class Requeue(msgspec.Struct, gc=False, frozen=True):
    """Replace a dead letter of `queue` by the message `again` in the queue `to`.

    `seq` is that of a letter that is in flight; without it, the letter with the id of `again` that
    is not in flight is meant.
    """

    queue: str
    again: Message
    token: int
    to: str
    limit: int
    """The `max_length` of the queue `to`."""
    seq: int | None = None


class Drop(msgspec.Struct, gc=False, frozen=True):
    """Delete the dead letter with that id of `queue`, which is not in flight."""

    queue: str
    id: str
    token: int


class Note(msgspec.Struct, gc=False, frozen=True):
    """Keep the progress of a message that is held."""

    seq: int
    token: int
    progress: str


class Prune(msgspec.Struct, gc=False, frozen=True):
    """Delete at most `limit` messages that were kept after their end for as long as they should."""

    limit: int


FIRED_FOR = 7 * 86400.0
"""Seconds for which it is remembered that a schedule fired."""


class Fire(msgspec.Struct, frozen=True):
    """Publish a message for the planned time of a schedule, unless another program did."""

    schedule: str
    at: float
    """The planned time, in seconds since 1970: programs whose clocks differ agree on it."""
    publish: Publish


class Promoted(msgspec.Struct, frozen=True):
    """The result of a promotion: the queues that got ready messages, and the seconds until the
    next delayed message is due."""

    queues: Collection[str]
    due_in: float | None


Settle = Ack | Done | Cancel | Retry | Release | Bury
