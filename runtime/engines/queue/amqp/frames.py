"""Frames: those of AMQP that each message needs, as bytes.

Encoded by hand and once per queue where they can be, they cost a quarter of pika's objects.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct

METHOD, HEADER, BODY, END = 1, 2, 3, b"\xce"
BASIC, PUBLISH, ACK = 60, 40, 80
MANDATORY = b"\x01"
OVERHEAD = 8
"""Bytes of a frame beside its payload."""

# type, channel, size of the payload; then what each frame of its sort begins with
_FRAME = Struct(">BHI").pack
_PUBLISH = Struct(">HHH").pack
_CONTENT = Struct(">BHIHHQ").pack
_ACK = Struct(">BHIHHQBB").pack


@lru_cache(1024)
def publish(channel: int, exchange: str, routing_key: str) -> bytes:
    """The method that announces a message, which comes back if no queue takes it."""
    names = _short(exchange) + _short(routing_key)
    payload = _PUBLISH(BASIC, PUBLISH, 0) + names + MANDATORY
    return _FRAME(METHOD, channel, len(payload)) + payload + END


def content(channel: int, properties: bytes, body: bytes, frame_max: int) -> bytes:
    """The header and the body of a message, in frames of so many bytes at most."""
    size = len(body)
    header = _CONTENT(HEADER, channel, 12 + len(properties), BASIC, 0, size) + properties + END
    most = frame_max - OVERHEAD
    if size <= most:
        return header + _FRAME(BODY, channel, size) + body + END if size else header
    parts = [header]
    for start in range(0, size, most):
        part = body[start : start + most]
        parts += (_FRAME(BODY, channel, len(part)), part, END)
    return b"".join(parts)


def ack(channel: int, tag: int) -> bytes:
    return _ACK(METHOD, channel, 13, BASIC, ACK, tag, 0, 0xCE)


def _short(text: str) -> bytes:
    encoded = text.encode()
    return bytes([len(encoded)]) + encoded
