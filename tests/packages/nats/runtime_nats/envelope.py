"""Envelope: what NATS carries beside the body of a message, as JSON in one header.

NATS strips and folds header values, and its names are ASCII: those of a message are neither.
"""

from __future__ import annotations

import json

import msgspec
from nats.aio.msg import Msg

from runtime.engines.queue.message import Message

HEADER = "X-Runtime"
LARGEST = 65_000
"""Bytes of the header: JetStream refuses more than 64 KiB of them."""


class Envelope(msgspec.Struct, omit_defaults=True):
    id: str
    headers: dict[str, str] = {}
    published: float = 0.0
    attempts: int = 0
    """Deliveries of earlier copies: JetStream counts those of a retry anew."""
    due: float | None = None
    """Seconds since 1970 before which the message is not handed out."""
    priority: int = 0
    unique: str | None = None
    died_in: str | None = None


def encode(message: Message, attempts: int = 0, due: float | None = None) -> dict[str, str]:
    """The NATS headers of a message. Raises ValueError if they are too large."""
    envelope = Envelope(
        message.id,
        dict(message.headers),
        message.published,
        attempts,
        due,
        message.priority,
        message.unique,
        message.died_in,
    )
    text = json.dumps(msgspec.to_builtins(envelope))  # in ASCII, which msgspec would not write
    if len(text) > LARGEST:
        raise ValueError(f"headers of {len(text):,} bytes are too large for NATS; use the body")
    return {HEADER: text}


def decode(headers: dict[str, str] | None, body: bytes, seq: int, id: str) -> tuple[Message, float]:
    """A message without its attempt, and when it is due. Those of other systems have no envelope:
    they get this id, and their own headers.
    """
    try:
        told = msgspec.json.decode((headers or {})[HEADER], type=Envelope)
    except (KeyError, msgspec.DecodeError):
        told = Envelope(id, headers or {})
    message = Message(
        told.id,
        body,
        told.headers,
        told.attempts,
        told.published,
        seq,
        told.priority,
        told.unique,
        told.died_in,
    )
    return message, told.due or 0.0


def received(msg: Msg) -> tuple[Message, float]:
    """A delivery, and when it is due."""
    told = msg.metadata
    seq = told.sequence.stream
    message, due = decode(msg.headers, msg.data, seq, f"{told.stream}-{seq}")
    message.attempt += told.num_delivered
    return message, due
