"""Bodies are read the same in whatever pieces they arrive."""

from __future__ import annotations

import contextlib
import random

import pytest

from runtime.engines.web.protocol.body import ChunkedBody, LengthBody
from runtime.engines.web.protocol.refusal import LARGE_FRAMING, Refused

ALLOWED = 1000


def read(data: bytes, cuts: list[int], allowed: int = ALLOWED) -> tuple[bytes, bytes]:
    """The body in `data`, and what is left after it, if the data comes in these pieces."""
    reader, body, rest = ChunkedBody(allowed), b"", b""
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        rest += data[start:end]
        if not reader.ended:
            piece, at = reader.read(rest, 0)
            body += piece
            rest = rest[at:]
    assert reader.ended
    return body, rest


def chunked(chance: random.Random) -> tuple[bytes, bytes]:
    body, data = b"", b""
    for _ in range(chance.randrange(6)):
        chunk = chance.randbytes(chance.choice([1, 2, 16, 300]))
        zeros = "0" * chance.choice([0, 0, 3, 20])
        extension = chance.choice([b"", b"", b";a", b' ;a="b"', b";" + b"e" * 30])
        data += f"{zeros}{len(chunk):{chance.choice('xX')}}".encode() + extension + b"\r\n"
        data += chunk + b"\r\n"
        body += chunk
    trailers = b"".join(b"A: b\r\n" for _ in range(chance.randrange(3)))
    return body, data + b"0" + chance.choice([b"", b";a"]) + b"\r\n" + trailers + b"\r\n"


@pytest.mark.parametrize("seed", range(60))
def test_chunks_are_read_the_same_whole_and_in_pieces(seed: int) -> None:
    chance = random.Random(seed)
    body, data = chunked(chance)
    whole = data + b"GET /next"

    assert read(whole, []) == (body, b"GET /next")
    assert read(whole, [*range(1, len(whole))]) == (body, b"GET /next")
    for _ in range(20):
        cuts = sorted(chance.sample(range(1, len(whole)), min(4, len(whole) - 1)))
        assert read(whole, cuts) == (body, b"GET /next")


def test_each_byte_of_chunks_that_is_changed_is_refused_or_changes_the_body() -> None:
    data = b"3;a=b\r\nabc\r\n1\r\nd\r\n0\r\nX: y\r\n\r\n"
    same = 0
    for at in range(len(data)):
        for byte in (0, 10, 13, 32, 45, 48, 49, 58, 59, 120, 255):
            changed = data[:at] + bytes([byte]) + data[at + 1 :]
            reader = ChunkedBody(ALLOWED)
            with contextlib.suppress(Refused):
                body, _ = reader.read(changed, 0)
                same += changed != data and reader.ended and body == b"abcd"

    assert same < 60  # in the extension and the trailer, which say nothing


@pytest.mark.parametrize(
    ("begin", "endless"),
    [
        (b"", b"0"),
        (b"1;", b"a"),
        (b"1;a", b"\t"),
        (b"", b"1;" + b"e" * 40 + b"\r\na\r\n"),
        (b"0\r\n", b"a"),
        (b"0\r\na:", b"b"),
        (b"0\r\n", b"a:\r\n"),
        (b"0;", b"a"),
    ],
)
def test_framing_is_limited_however_it_is_sent(begin: bytes, endless: bytes) -> None:
    for size in (1, 7, 100_000):
        reader, rest, sent = ChunkedBody(ALLOWED), b"", 0
        data = begin + endless * (100_000 // len(endless))
        with pytest.raises(Refused) as caught:
            for at in range(0, len(data), size):
                rest += data[at : at + size]
                sent += size
                _, read_to = reader.read(rest, 0)
                rest = rest[read_to:]
        assert caught.value.refusal is LARGE_FRAMING
        assert sent <= 3 * ALLOWED or size == 100_000


def test_what_the_data_excuses_is_not_counted() -> None:
    data = b"1;abcdefghi\r\na\r\n" * 5000 + b"400;" + b"s" * 900 + b"\r\n" + b"a" * 1024 + b"\r\n"

    assert len(read(data + b"0\r\n\r\n", [])[0]) == 5000 + 1024


def test_a_body_of_a_length_ends_with_it() -> None:
    body = LengthBody(5)

    assert body.read(b"xabc", 1) == (b"abc", 4)
    assert not body.ended
    assert body.read(b"defg", 0) == (b"de", 2)
    assert body.ended
