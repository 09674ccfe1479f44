"""Requests that are nearly right, and a strict reader of what comes back."""

from __future__ import annotations

import random
import re

HOST = b"Host: h\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
UPGRADE = b"Connection: upgrade\r\nUpgrade: h2c\r\n"
REQUESTS = [
    b"GET /x HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /stream?a=%00&b=%ff HTTP/1.1\r\n" + HOST + b"A: b\r\n\r\n",
    b"GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"GET /stream HTTP/1.0\r\n\r\n",
    b"HEAD /x HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    b"GET http://h/%2e%2e/%c0%ae/x HTTP/1.1\r\n" + HOST + UPGRADE + b"\r\n",
    b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc",
    b"POST /unread HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc",
    b"POST /x HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n3;e=f\r\nabc\r\n1\r\nd\r\n0\r\nX: y\r\n\r\n",
    b"POST /unread HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n1\r\na\r\n0\r\n\r\n",
    b"POST /echo HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
    b"POST /x HTTP/1.1\r\n" + HOST + UPGRADE + CHUNKED + b"\r\n1\r\na\r\n0\r\n\r\n",
    b"POST /x HTTP/1.1\r\n" + HOST + UPGRADE + b"Content-Length: 1\r\n\r\na",
    b"POST /x HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\na",
    b"GET /x HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\nConnection: upgrade\r\n\r\n",
]
TOKENS = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b";", b",", b"0", b"0\r\n\r\n", b"-1", b"\xff",
    b"chunked", b"HTTP/1.0", b"HTTP/2.0", b"Content-Length: 5\r\n", CHUNKED, UPGRADE, HOST,
    b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"ffffffffffffffff", b"a" * 300,
]  # fmt: skip
_HEAD = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) [^\r\n]*\r\n((?:[!-9;-~]+: [^\r\n]*\r\n)*)\r\n")


def mutated(chance: random.Random) -> bytes:
    """A few requests behind each other, with a few changes."""
    data = bytearray(b"".join(chance.choices(REQUESTS, k=chance.randint(1, 4))))
    for _ in range(chance.choice([0, 1, 1, 2, 3, 6])):
        at = chance.randrange(len(data))
        match chance.randrange(6):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                del data[at : at + chance.choice([1, 2, 8])]
            case 2:
                data[at:at] = data[chance.randrange(len(data)) :][: chance.choice([1, 4, 20])]
            case 3:
                data[at:at] = chance.randbytes(chance.choice([1, 3]))
            case 4:
                del data[at:]
            case _:
                data[at:at] = chance.choice(TOKENS)
        data = data or bytearray(b"\0")
    return bytes(data)


def pieces(data: bytes, chance: random.Random) -> list[bytes]:
    """The data as it could come over a network."""
    count = min(len(data) - 1, chance.choice([1, 2, 5, 40]))
    cuts = sorted(chance.sample(range(1, len(data)), count)) if count > 0 else []
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def statuses(data: bytes, *, has_head: bool) -> list[int]:
    """The statuses of whole responses; raises ValueError for what is not HTTP.

    The last one may be cut off. `has_head` if HEAD is asked for, whose responses have no body.
    """
    found, at = [], 0
    while at < len(data):
        match = _HEAD.match(data, at)
        if match is None:
            raise ValueError(f"no response at {at}: {data!r}")
        status, at = int(match[1]), match.end()
        headers = dict(line.lower().split(b": ", 1) for line in match[2].split(b"\r\n")[:-1])
        if b"transfer-encoding" in headers and b"content-length" in headers:
            raise ValueError(f"two lengths: {data!r}")
        found.append(status)
        if status < 200 or status in (204, 304):
            continue
        if has_head and (at == len(data) or data.startswith(b"HTTP/1.1 ", at)):
            continue
        if b"content-length" in headers:
            at += int(headers[b"content-length"])
        elif b"transfer-encoding" in headers:
            at = _end_of_chunks(data, at)
        else:
            at = len(data)
    return found


def _end_of_chunks(data: bytes, at: int) -> int:
    while at < len(data):
        match = re.compile(rb"([0-9a-f]+)\r\n").match(data, at)
        if match is None:
            raise ValueError(f"no chunk at {at}: {data!r}")
        at = match.end() + int(match[1], 16) + 2
        if data[at - 2 : at] not in (b"\r\n", b""):
            raise ValueError(f"a chunk of another length before {at}: {data!r}")
        if match[1] == b"0":
            return at
    return at
