"""Properties: a message as AMQP carries it, and back.

The user's headers are AMQP headers, so that other systems read and write them. Those with a name
that RabbitMQ or this driver gives a meaning, or that is too long, travel together in one of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from typing import Any

import msgspec
from pika.spec import BasicProperties

from runtime.engines.queue import dead_letter
from runtime.engines.queue.message import NO_HEADERS, Message, next_id

ATTEMPT = "x_attempt"
"""The attempts of earlier lives: a retry is a new message to the broker, which counts from 0."""
PUBLISHED = "x_published"
"""Microseconds since 1970; AMQP's own timestamp has seconds only."""
DUE = "x_due"
"""Microseconds since 1970, before which a message goes back to the delay queues."""
PRIORITY, UNIQUE, DIED_IN = "x_priority", "x_unique", "x_died_in"
OTHERS = "x_headers"
"""A JSON object of the headers that cannot be AMQP headers."""
OURS = frozenset({ATTEMPT, PUBLISHED, DUE, PRIORITY, UNIQUE, DIED_IN, OTHERS})
# With these a publisher chooses further queues: a client that may set headers must not.
ROUTING = frozenset({"CC", "BCC"})
LONGEST_NAME = 63
"""Characters of a header's name, so that it has at most 255 bytes."""
MOST_BYTES = 100_000
"""Of all headers: they travel in one frame, of 128 KiB on most brokers."""
LARGEST_BODY = 16 * 2**20
"""Bytes: RabbitMQ's own limit from 4.0 on. It answers a larger one by closing the channel."""
LATEST = 2**62
_YEAR_10000 = 253_402_300_800_000_000
"""Microseconds since 1970: no calendar of Python's goes further."""
DELIVERIES = "x-delivery-count"
JSON = "application/json"

_OCTET, _SIZE = Struct(">B").pack, Struct(">I").pack
_INTEGER, _TIMESTAMP = Struct(">q").pack, Struct(">Q").pack
# The flags of those that we send (content type, headers, delivery mode, id, timestamp), in order.
_BEFORE = Struct(">HB").pack(0b1011_0000_1100_0000, len(JSON)) + JSON.encode()
_AFTER = b"\x02"
"""Persistent."""
_PUBLISHED = _OCTET(len(PUBLISHED)) + PUBLISHED.encode() + b"l"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, str]).decode


def encode(message: Message, attempts: int = 0, due: float | None = None) -> bytes:
    """The properties of a message that was delivered so often, as they follow its size.

    Raises ValueError if its headers or its body are too large.
    """
    if len(message.body) > LARGEST_BODY:
        raise ValueError(
            f"a body of {len(message.body):,} bytes is too large for RabbitMQ, which takes "
            f"{LARGEST_BODY:,}; publish where it is kept instead"
        )
    table = _encode_headers(message.headers) if message.headers else b""
    table += _PUBLISHED + _INTEGER(round(message.published * 1e6))
    if attempts:
        table += _integer(ATTEMPT, attempts)
    if due is not None:
        table += _integer(DUE, min(round(due * 1e6), LATEST))
    if message.priority:
        table += _integer(PRIORITY, message.priority)
    if message.unique is not None:
        table += _string(UNIQUE, message.unique)
    if message.died_in is not None:
        table += _string(DIED_IN, message.died_in)
    id = message.id.encode()
    return b"".join(
        (_BEFORE, _SIZE(len(table)), table, _AFTER, _OCTET(len(id)), id,
         _TIMESTAMP(int(message.published)))
    )  # fmt: skip


def decode(properties: BasicProperties, body: bytes, token: int) -> Message:
    """A delivery. Messages of other systems may lack whatever ours have."""
    given: Mapping[str, Any] = properties.headers or {}
    deliveries, attempts = given.get(DELIVERIES), given.get(ATTEMPT)
    published = given.get(PUBLISHED)
    if not isinstance(published, int):
        published = (properties.timestamp or 0) * 1_000_000
    if not 0 <= published < _YEAR_10000:
        published = 0  # as one that does not tell: of a program that counts milliseconds, say
    id, priority = properties.message_id, given.get(PRIORITY)
    unique, died_in = given.get(UNIQUE), given.get(DIED_IN)
    return Message(
        id if type(id) is str and id else next_id(),
        body,
        _decoded_headers(given) if len(given) > 1 or PUBLISHED not in given else NO_HEADERS,
        1 + (_count(deliveries) + _count(attempts) if len(given) > 1 else 0),
        published / 1e6,
        token,
        priority if isinstance(priority, int) else 0,
        unique if type(unique) is str else None,
        died_in if type(died_in) is str else None,
    )


def decode_letter(properties: BasicProperties, body: bytes, token: int) -> Message:
    """A dead letter of the driver's own store; those that the broker buried get the reason."""
    letter = decode(properties, body, token)
    letter.attempt = 0
    if dead_letter.REASON not in letter.headers:
        letter.headers = {
            **letter.headers,
            dead_letter.REASON: "crashed",
            dead_letter.ERROR: "the broker delivered it as often as it delivers any",
        }
    return letter


def _encode_headers(headers: Mapping[str, str]) -> bytes:
    size = sum(map(len, headers)) + sum(map(len, headers.values())) + 6 * len(headers)
    if size > MOST_BYTES // 4:
        size = sum(len(text.encode()) for item in headers.items() for text in item)
        if size + 6 * len(headers) > MOST_BYTES:
            raise ValueError(
                f"headers of {size:,} bytes are too large for AMQP; put them into the body"
            )
    others = {name: value for name, value in headers.items() if not _is_plain(name)}
    if others:
        headers = {name: value for name, value in headers.items() if name not in others}
    table = b"".join([_string(name, value) for name, value in headers.items()])
    return table + _string(OTHERS, _encode(others).decode()) if others else table


def _string(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return b"".join((_OCTET(len(key)), key, b"S", _SIZE(len(text)), text))


def _integer(name: str, value: int) -> bytes:
    return _OCTET(len(name)) + name.encode() + b"l" + _INTEGER(value)


def _decoded_headers(given: Mapping[str, Any]) -> dict[str, str]:
    headers = {
        name: value if type(value) is str else _text(value)
        for name, value in given.items()
        if _is_plain(name)
    }
    if (others := given.get(OTHERS)) is not None:
        try:
            headers |= _decode(others)
        except (msgspec.DecodeError, TypeError):
            headers[OTHERS] = _text(others)
    return headers


def _is_plain(name: str) -> bool:
    """True for a header that is neither RabbitMQ's, such as `x-death`, nor ours."""
    return (
        name not in OURS
        and name not in ROUTING
        and not name.startswith("x-")
        and len(name) <= LONGEST_NAME
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _text(value: object) -> str:
    """A header's value of another system, which may be of any type, as text."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
